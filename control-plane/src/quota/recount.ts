/** How much there is of what a quota limits, counted anew. Pure. */
import { type Kind, type KubernetesObject, qualifiedResource, type ResourceQuota, type ResourceQuotaStatus } from '@davit/api'
import { usageUnder } from './charge.ts'
import { type Amounts, sum } from './pod-amounts.ts'
import { isCountedBy } from './usage.ts'

/** The kinds whose objects a quota counts; of the versions of one resource the first. */
export function kindsCounted({ spec }: ResourceQuota, kinds: readonly Kind[]): Kind[] {
  const names = Object.keys(spec.hard ?? {})
  const counted = kinds.filter(kind => kind.namespaced && !kind.view && names.some(name => isCountedBy(kind, name)))
  return [...new Map(counted.toReversed().map(kind => [qualifiedResource(kind), kind])).values()].reverse()
}

/** All that a namespace holds of one kind. */
export interface Counted {
  readonly kind: Kind
  readonly objects: Iterable<KubernetesObject>
}

/** The status the quota is to have. Of what no kind counts nothing is said to be used. */
export function recount(quota: ResourceQuota, counted: readonly Counted[]): ResourceQuotaStatus {
  const hard = quota.spec.hard ?? {}
  const asLimited = { ...quota, status: { hard } }
  let used: Amounts = Object.fromEntries(
    Object.keys(hard)
      .filter(name => counted.some(({ kind }) => isCountedBy(kind, name)))
      .map(name => [name, '0']),
  )
  for (const { kind, objects } of counted) for (const object of objects) used = sum(used, usageUnder(asLimited, kind, object))
  return { hard, used }
}

/** Whether the quota's status limits what its spec says. */
export function isUpToDate({ spec, status }: ResourceQuota): boolean {
  const [wanted, known] = [spec.hard ?? {}, status?.hard ?? {}]
  const names = Object.keys(wanted)
  return names.length === Object.keys(known).length && names.every(name => String(known[name]) === String(wanted[name]))
}
