/** One write, charged to one quota. Pure; refusals in Kubernetes' words. */
import {
  addQuantities,
  type Container,
  compareQuantities,
  formatQuantity,
  type Kind,
  type KubernetesObject,
  type Pod,
  type Quantity,
  qualifiedResource,
  type ResourceQuota,
  subtractQuantities,
} from '@davit/api'
import type { Amounts } from './pod-amounts.ts'
import { isInScope } from './scopes.ts'
import { computeUsage, usageOf } from './usage.ts'

/** A write of one object: created when `old` is absent, removed when `object` is. */
export interface ChargedWrite {
  readonly kind: Pick<Kind, 'group' | 'plural'>
  readonly object?: KubernetesObject | undefined
  readonly old?: KubernetesObject | undefined
}

export type Charge =
  /** The quota's usage once the write is done. */
  | { readonly used: Amounts }
  /** Why the write may not be done. */
  | { readonly refusal: string }

/** What must be said of every container as soon as a quota limits it: otherwise nobody could tell what is used. */
const MUST_BE_SAID = ['cpu', 'limits.cpu', 'limits.memory', 'memory', 'requests.cpu', 'requests.memory'] as const

/** Undefined when the write takes nothing of the quota, and gives nothing back. The quota is charged by what its status says. */
export function chargeTo(quota: ResourceQuota, write: ChargedWrite): Charge | undefined {
  const { name } = quota.metadata
  const hard = quota.status?.hard ?? {}
  const used = quota.status?.used ?? {}
  const unsaid = whatIsUnsaid(quota, write)
  if (unsaid) return { refusal: `failed quota: ${name}: must specify ${unsaid}` }
  const changes = changesOf(quota, write)
  const names = Object.keys(changes)
  if (names.length === 0) return undefined
  const taken = names.filter(each => compareQuantities(changes[each] ?? 0, 0) > 0)
  const unknown = taken.filter(each => !Object.hasOwn(used, each)).sort()
  if (unknown.length > 0) return { refusal: `status unknown for quota: ${name}, resources: ${unknown.join(',')}` }

  const after: Record<string, Quantity> = { ...used }
  for (const each of names) after[each] = atLeastNothing(addQuantities(used[each] ?? 0, changes[each] ?? 0))
  // Giving back is never refused, even of a quota that is exceeded already.
  const exceeded = taken.filter(each => compareQuantities(after[each] ?? 0, hard[each] ?? 0) > 0)
  if (exceeded.length === 0) return { used: after }
  const show = (amounts: Amounts) => format(amounts, exceeded)
  return { refusal: `exceeded quota: ${name}, requested: ${show(changes)}, used: ${show(used)}, limited: ${show(hard)}` }
}

/** By how much each resource that the quota limits changes, where it does. */
function changesOf(quota: ResourceQuota, { kind, object, old }: ChargedWrite): Amounts {
  const now = object ? usageUnder(quota, kind, object) : {}
  const before = old ? usageUnder(quota, kind, old) : {}
  const changes: Record<string, Quantity> = {}
  for (const name of Object.keys({ ...now, ...before })) {
    const change = subtractQuantities(now[name] ?? 0, before[name] ?? 0)
    if (compareQuantities(change, 0) !== 0) changes[name] = change
  }
  return changes
}

/** What the object takes of what the quota's status limits. */
export function usageUnder({ spec, status }: ResourceQuota, kind: ChargedWrite['kind'], object: KubernetesObject): Amounts {
  if (!isInScope(spec, kind, object)) return {}
  const hard = status?.hard ?? {}
  return Object.fromEntries(Object.entries(usageOf(kind, object)).filter(([name]) => Object.hasOwn(hard, name)))
}

function whatIsUnsaid(quota: ResourceQuota, { kind, object, old }: ChargedWrite): string | undefined {
  if (!object || old || qualifiedResource(kind) !== 'pods' || !isInScope(quota.spec, kind, object)) return undefined
  const wanted = MUST_BE_SAID.filter(name => Object.hasOwn(quota.status?.hard ?? {}, name))
  const { containers, initContainers = [] } = (object as Pod).spec
  const texts = wanted.flatMap(name => {
    const without = [...containers, ...initContainers].filter(container => !says(container, name))
    return without.length > 0 ? [`${name} for: ${[...new Set(without.map(each => each.name))].sort().join(',')}`] : []
  })
  return texts.length > 0 ? texts.join('; ') : undefined
}

function says({ resources }: Container, name: string): boolean {
  return Object.hasOwn(computeUsage({ requests: resources?.requests ?? {}, limits: resources?.limits ?? {} }), name)
}

/** What was never charged, as before a quota was there, may be given back all the same. */
function atLeastNothing(amount: string): string {
  return compareQuantities(amount, 0) < 0 ? '0' : amount
}

function format(amounts: Amounts, names: readonly string[]): string {
  return names
    .toSorted()
    .map(name => `${name}=${formatQuantity(amounts[name] ?? 0)}`)
    .join(',')
}
