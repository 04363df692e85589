/**
 * ResourceQuotas, counted without races: a write is charged in its own transaction, by a new status of the quota that must stand where
 * it was read. Writes that a quota counts therefore come one after another in each namespace that has one, at the pace of etcd's commits;
 * those it does not count, and namespaces without quotas, pay a look into the cache.
 */
import { forbidden, type Kind, type KubernetesObject, qualifiedResource, type ResourceQuota, resourceQuotaKind } from '@davit/api'
import { type ChargedWrite, chargeTo, isUpToDate, kindsCounted, recount } from '../../../../quota/index.ts'
import type { Storage } from '../../../../storage/types.ts'
import { nameForMessages } from '../../decode.ts'
import type { Resources } from '../../resources.ts'
import { storedValue } from '../../written.ts'
import type { Lookups } from '../lookups.ts'
import type { AdmissionRule, Extra } from '../rule.ts'
import type { Known, QuotaLedger } from './ledger.ts'

export interface QuotaParts {
  readonly storage: Storage
  readonly resources: Resources
  readonly lookups: Pick<Lookups, 'all'>
  readonly ledger: QuotaLedger
}

type Write = ChargedWrite & { readonly kind: Kind }

export function resourceQuotas(parts: QuotaParts): AdmissionRule {
  return {
    resources: ['*'],
    allocate: ({ kind, object, old, context }, extra) => charge(parts, { kind, object, old }, extra, context.signal),
    release: (object, extra, signal, kind) => charge(parts, { kind, old: object }, extra, signal),
  }
}

async function charge(parts: QuotaParts, write: Write, extra: Extra, signal: AbortSignal | undefined): Promise<void> {
  const { kind, object, old } = write
  const subject = object ?? old
  const namespace = subject?.metadata.namespace
  if (!kind.namespaced || !namespace || !subject) return
  const all = await parts.lookups.all(resourceQuotaKind, namespace)
  const affected = all.filter(quota => !isSelf(quota, kind, subject) && chargeTo(asSpecified(quota), write) !== undefined)
  if (affected.length === 0) return
  extra.settled.push(await parts.ledger.turn(namespace, signal))
  for (const quota of affected) await chargeOne(parts, { quota, write, subject }, extra, signal)
}

/** A quota that goes counts no more, and its key can be written only once. */
function isSelf(quota: ResourceQuota, kind: Kind, { metadata }: KubernetesObject): boolean {
  return qualifiedResource(kind) === resourceQuotaKind.plural && quota.metadata.name === metadata.name
}

/** To see whether it is about the write at all, whatever its status has come to. */
function asSpecified(quota: ResourceQuota): ResourceQuota {
  const hard = { ...quota.status?.hard, ...quota.spec.hard }
  return { ...quota, status: { hard, used: {} } }
}

interface OneCharge {
  readonly quota: ResourceQuota
  readonly write: Write
  readonly subject: KubernetesObject
}

async function chargeOne(parts: QuotaParts, { quota, write, subject }: OneCharge, extra: Extra, signal: AbortSignal | undefined) {
  const { storage, resources, ledger } = parts
  const stored = await ledger.latest(storage, resources, quota, signal)
  let judged = stored && (await judge(parts, stored, write, signal))
  // What another replica has given back, and answered, may be missing here: nobody is refused by what is old.
  if (stored && judged?.outcome && 'refusal' in judged.outcome) {
    const fresh = await storage.get(resources.stored(resources.kind('', resourceQuotaKind.plural)), stored.key, signal && { signal })
    if (fresh?.revision !== stored.revision) judged = fresh && (await judge(parts, fresh, write, signal))
  }
  if (!judged?.outcome) return
  const { key, revision, current, outcome } = judged
  if ('refusal' in outcome) throw forbidden(write.kind, nameForMessages(subject), outcome.refusal)
  const charged = { ...current, status: { ...current.status, used: outcome.used } } as ResourceQuota
  extra.operations.push({ type: 'update', key, value: storedValue(charged), revision })
  extra.settled.push(result => ledger.settled(key, charged, revision, result))
}

async function judge(parts: QuotaParts, { key, revision, object }: Known, write: Write, signal: AbortSignal | undefined) {
  const latest = object as ResourceQuota
  // Whoever comes before the controller counts: from its first moment a quota lets nobody through.
  const current = isUpToDate(latest) ? latest : { ...latest, status: await count(parts, latest, signal) }
  return { key, revision, current, outcome: chargeTo(current, write) }
}

/** What the namespace holds now. Whoever is charged between this and the commit changes the quota, and with it fails the commit. */
async function count({ storage, resources }: QuotaParts, quota: ResourceQuota, signal: AbortSignal | undefined) {
  const namespace = quota.metadata.namespace ?? ''
  const kinds = kindsCounted(quota, resources.kinds)
  const counted = await Promise.all(
    kinds.map(async kind => {
      const { items } = await storage.list(resources.stored(kind), { namespace, ...(signal && { signal }) })
      return { kind, objects: items.map(({ object }) => object) }
    }),
  )
  return recount(quota, counted)
}
