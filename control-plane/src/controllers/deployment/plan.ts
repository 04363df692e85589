/**
 * How a Deployment moves its ReplicaSets: pure. The arithmetic is Kubernetes' own, so that a rollout takes the same steps.
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
import type { Deployment, IntOrString, Pod, ReplicaSet } from '@davit/api'
import { isPodFinished } from '@davit/api'
import { sameTemplate } from './template-hash.ts'

export const ANNOTATIONS = {
  revision: 'deployment.kubernetes.io/revision',
  revisionHistory: 'deployment.kubernetes.io/revision-history',
  desiredReplicas: 'deployment.kubernetes.io/desired-replicas',
  maxReplicas: 'deployment.kubernetes.io/max-replicas',
} as const

export interface Observed {
  deployment: Deployment
  /** Sets the Deployment controls. */
  sets: readonly ReplicaSet[]
  /** Pods of those sets. */
  pods: readonly Pod[]
}

export type Action =
  | { kind: 'create-set'; replicas: number; revision: number }
  | { kind: 'scale-set'; set: ReplicaSet; replicas: number }
  /** The set that was old is wanted again, or its numbers for people have changed. */
  | { kind: 'annotate-set'; set: ReplicaSet; annotations: Record<string, string>; minReadySeconds?: number }
  | { kind: 'delete-set'; set: ReplicaSet }

/** The set whose template is the Deployment's; of several the oldest, as Kubernetes chooses. */
export function newSetOf({ deployment, sets }: Pick<Observed, 'deployment' | 'sets'>): ReplicaSet | undefined {
  const template = deployment.spec?.template
  return [...sets].sort(byAge).find(set => template && set.spec?.template && sameTemplate(set.spec.template, template))
}

/** What to do next so that the Deployment's pods come from its own template; nothing once they do and old sets are cleared. */
export function planDeployment(observed: Observed): Action[] {
  const { deployment, sets } = observed
  if (deployment.metadata.deletionTimestamp !== undefined) return []
  const newSet = newSetOf(observed)
  const oldSets = sets.filter(set => set !== newSet)
  const paused = deployment.spec?.paused === true
  const revisions = oldSets.map(revisionOf)
  const revision = Math.max(0, ...revisions) + 1

  if (needsScaling(observed)) return scaleProportionally(observed, newSet)
  if (!newSet) {
    if (paused) return cleanUp(observed, newSet)
    if (deployment.spec?.strategy?.type === 'Recreate') return recreate(observed, undefined, revision)
    return [{ kind: 'create-set', replicas: newSetReplicas(observed, undefined), revision }]
  }
  const annotations = paused ? [] : annotate(deployment, newSet, revision)
  if (annotations.length > 0) return annotations
  if (paused) return []
  const steps = deployment.spec?.strategy?.type === 'Recreate' ? recreate(observed, newSet, revision) : roll(observed, newSet, oldSets)
  return steps.length > 0 ? steps : cleanUp(observed, newSet)
}

function roll(observed: Observed, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Action[] {
  const wanted = newSetReplicas(observed, newSet)
  if (wanted !== specReplicas(newSet)) return [{ kind: 'scale-set', set: newSet, replicas: wanted }]
  return scaleDownOld(observed, newSet, oldSets)
}

function newSetReplicas({ deployment, sets }: Observed, newSet: ReplicaSet | undefined): number {
  const wanted = deploymentReplicas(deployment)
  if (deployment.spec?.strategy?.type === 'Recreate') return wanted
  const present = newSet ? specReplicas(newSet) : 0
  if (present >= wanted) return wanted
  const room = wanted + maxSurge(deployment) - total(sets, specReplicas)
  return room <= 0 ? present : present + Math.min(room, wanted - present)
}

function scaleDownOld({ deployment, sets }: Observed, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): Action[] {
  const active = oldSets.filter(set => specReplicas(set) > 0)
  if (active.length === 0) return []
  const minAvailable = deploymentReplicas(deployment) - maxUnavailable(deployment)
  const newUnavailable = specReplicas(newSet) - (newSet.status?.availableReplicas ?? 0)
  let budget = total(sets, specReplicas) - minAvailable - newUnavailable
  if (budget <= 0) return []
  const replicas = new Map(active.map(set => [set, specReplicas(set)]))
  // Pods that serve nobody go first, whatever is available: otherwise a broken old set would block its own replacement.
  for (const set of [...active].sort(byAge)) {
    const have = replicas.get(set) ?? 0
    const unhealthy = Math.min(budget, Math.max(0, have - (set.status?.availableReplicas ?? 0)))
    replicas.set(set, have - unhealthy)
    budget -= unhealthy
  }
  let spare = Math.min(total(sets, set => set.status?.availableReplicas ?? 0) - minAvailable, budget)
  for (const set of [...active].sort(byAge)) {
    if (spare <= 0) break
    const have = replicas.get(set) ?? 0
    const down = Math.min(have, spare)
    replicas.set(set, have - down)
    spare -= down
  }
  return active.flatMap(set => {
    const count = replicas.get(set) ?? 0
    return count === specReplicas(set) ? [] : [{ kind: 'scale-set' as const, set, replicas: count }]
  })
}

/** All old pods end, those being deleted too, before the first new one starts. */
function recreate({ deployment, sets, pods }: Observed, newSet: ReplicaSet | undefined, revision: number): Action[] {
  const old = sets.filter(set => set !== newSet)
  const down = old.filter(set => specReplicas(set) > 0).map(set => ({ kind: 'scale-set' as const, set, replicas: 0 }))
  if (down.length > 0) return down
  const oldUids = new Set(old.map(set => set.metadata.uid))
  const stillRunning = pods.some(pod => !isPodFinished(pod) && pod.metadata.ownerReferences?.some(owner => oldUids.has(owner.uid)))
  if (stillRunning) return []
  const replicas = deploymentReplicas(deployment)
  if (!newSet) return [{ kind: 'create-set', replicas, revision }]
  return specReplicas(newSet) === replicas ? [] : [{ kind: 'scale-set', set: newSet, replicas }]
}

/** True when `replicas` of the Deployment changed since the sets were last sized. */
function needsScaling({ deployment, sets }: Observed): boolean {
  return sets.some(set => {
    if (specReplicas(set) === 0) return false
    const desired = set.metadata.annotations?.[ANNOTATIONS.desiredReplicas]
    return desired !== undefined && Number(desired) !== deploymentReplicas(deployment)
  })
}

/** In the middle of a rollout every set gets its share of a change of scale, so that a bad new version gains no weight by it. */
function scaleProportionally({ deployment, sets }: Observed, newSet: ReplicaSet | undefined): Action[] {
  const active = sets.filter(set => specReplicas(set) > 0)
  const wanted = deploymentReplicas(deployment)
  const only = active.length === 1 ? active[0] : undefined
  if (only) return [resize(deployment, only, wanted)]
  const saturated = newSet && specReplicas(newSet) === wanted && (newSet.status?.availableReplicas ?? 0) === wanted
  if (saturated) return active.filter(set => set !== newSet).map(set => resize(deployment, set, 0))
  const isRolling = deployment.spec?.strategy?.type !== 'Recreate'
  const allowed = wanted > 0 && isRolling ? wanted + maxSurge(deployment) : wanted
  const present = total(active, specReplicas)
  let left = allowed - present
  const ordered = [...active].sort((a, b) => specReplicas(b) - specReplicas(a) || (left > 0 ? -byAge(a, b) : byAge(a, b)))
  const sizes = ordered.map(set => {
    const before = Number(set.metadata.annotations?.[ANNOTATIONS.maxReplicas]) || present
    const share = Math.round((specReplicas(set) * allowed) / before) - specReplicas(set)
    const change = left > 0 ? Math.max(0, Math.min(share, left)) : Math.min(0, Math.max(share, left))
    left -= change
    return specReplicas(set) + change
  })
  if (sizes.length > 0) sizes[0] = Math.max(0, (sizes[0] ?? 0) + left)
  return ordered.map((set, index) => resize(deployment, set, sizes[index] ?? 0))
}

function resize(deployment: Deployment, set: ReplicaSet, replicas: number): Action {
  return replicas === specReplicas(set)
    ? { kind: 'annotate-set', set, annotations: sizeAnnotations(deployment) }
    : { kind: 'scale-set', set, replicas }
}

/** What a set notes of the Deployment's size, for the next proportional scaling. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = deploymentReplicas(deployment)
  return { [ANNOTATIONS.desiredReplicas]: String(wanted), [ANNOTATIONS.maxReplicas]: String(wanted + maxSurge(deployment)) }
}

function annotate(deployment: Deployment, newSet: ReplicaSet, revision: number): Action[] {
  const present = newSet.metadata.annotations ?? {}
  const annotations: Record<string, string> = { ...inheritedAnnotations(deployment), ...sizeAnnotations(deployment) }
  const own = revisionOf(newSet)
  if (own < revision) {
    annotations[ANNOTATIONS.revision] = String(revision)
    if (own > 0) annotations[ANNOTATIONS.revisionHistory] = [present[ANNOTATIONS.revisionHistory], String(own)].filter(Boolean).join(',')
  }
  const minReadySeconds = deployment.spec?.minReadySeconds ?? 0
  const ready = (newSet.spec?.minReadySeconds ?? 0) === minReadySeconds
  if (ready && Object.entries(annotations).every(([key, value]) => present[key] === value)) return []
  return [{ kind: 'annotate-set', set: newSet, annotations, ...(!ready && { minReadySeconds }) }]
}

/** The Deployment's annotations that its sets carry too, such as `kubernetes.io/change-cause`. */
export function inheritedAnnotations({ metadata }: Deployment): Record<string, string> {
  const own: readonly string[] = [...Object.values(ANNOTATIONS), 'kubectl.kubernetes.io/last-applied-configuration']
  return Object.fromEntries(Object.entries(metadata.annotations ?? {}).filter(([key]) => !own.includes(key)))
}

/** Old sets beyond the history's limit, oldest first, once the rollout is over. */
function cleanUp({ deployment, sets }: Observed, newSet: ReplicaSet | undefined): Action[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10
  const empty = sets.filter(
    set =>
      set !== newSet &&
      specReplicas(set) === 0 &&
      (set.status?.replicas ?? 0) === 0 &&
      (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0) &&
      set.metadata.deletionTimestamp === undefined,
  )
  const surplus = sets.filter(set => set !== newSet).length - limit
  if (surplus <= 0) return []
  return [...empty]
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .map(set => ({ kind: 'delete-set', set }))
}

/** Pods that may be made above `replicas`; a percentage is rounded up. */
export function maxSurge({ spec }: Deployment): number {
  if (spec?.strategy?.type === 'Recreate') return 0
  return resolve(spec?.strategy?.rollingUpdate?.maxSurge ?? '25%', spec?.replicas ?? 1, Math.ceil)
}

/** Pods that may be missing; a percentage is rounded down, and never both this and the surge are 0. */
export function maxUnavailable(deployment: Deployment): number {
  const { spec } = deployment
  if (spec?.strategy?.type === 'Recreate') return 0
  const replicas = spec?.replicas ?? 1
  const unavailable = resolve(spec?.strategy?.rollingUpdate?.maxUnavailable ?? '25%', replicas, Math.floor)
  return Math.min(replicas, unavailable === 0 && maxSurge(deployment) === 0 ? 1 : unavailable)
}

function resolve(value: IntOrString, of: number, round: (value: number) => number): number {
  return typeof value === 'string' && value.endsWith('%') ? round((Number.parseFloat(value) * of) / 100) : Number(value)
}

export function revisionOf({ metadata }: ReplicaSet | Deployment): number {
  return Number(metadata.annotations?.[ANNOTATIONS.revision] ?? 0) || 0
}

export const deploymentReplicas = ({ spec }: Deployment): number => spec?.replicas ?? 1
export const specReplicas = ({ spec }: ReplicaSet): number => spec?.replicas ?? 1

export function total(sets: readonly ReplicaSet[], count: (set: ReplicaSet) => number): number {
  return sets.reduce((sum, set) => sum + count(set), 0)
}

function byAge(a: ReplicaSet, b: ReplicaSet): number {
  return (
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
    (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '')
  )
}
