import { isDeepStrictEqual } from 'node:util'
import { formatTime, isPodFinished, isPodReady, type Pod, podCondition, type ReplicaSetStatus } from '@davit/api'
import type { PodSet } from './pod-sets.ts'

export interface Observed {
  set: PodSet
  /** Pods the set controls and selects, those being deleted among them. */
  pods: readonly Pod[]
  /** Pods the set controls and does not select any more. */
  strays: readonly Pod[]
  /** Pods that nobody controls and whose labels match. */
  orphans: readonly Pod[]
  /** Pods of each node that belong to the set's siblings; for choosing what to delete. */
  podsPerNode?: ReadonlyMap<string, number>
  /** Milliseconds since the epoch. */
  now: number
  /** What went wrong with the last creation; becomes the condition ReplicaFailure. */
  failure?: { reason: 'FailedCreate' | 'FailedDelete'; message: string }
}

export type Action =
  | { kind: 'adopt-pod'; pod: Pod }
  | { kind: 'release-pod'; pod: Pod }
  | { kind: 'create-pods'; count: number }
  | { kind: 'delete-pod'; pod: Pod }
  | { kind: 'write-status'; status: ReplicaSetStatus }
  /** Nothing to do now, but a pod becomes available by time alone. */
  | { kind: 'look-again'; afterMs: number }

/** Most pods made in one step; the next step follows as soon as these are seen. */
const BURST_MAX = 500

/** What to do next so that as many pods run as the set asks for; nothing once they do. */
export function planReplicaSet(observed: Observed): Action[] {
  const { set, pods, strays, orphans, now } = observed
  const actions: Action[] = []
  const deleting = set.metadata.deletionTimestamp !== undefined
  const adopted = deleting ? [] : orphans.filter(isCountable)
  for (const pod of adopted) actions.push({ kind: 'adopt-pod', pod })
  if (!deleting) for (const pod of strays) if (isCountable(pod)) actions.push({ kind: 'release-pod', pod })

  const active = pods.filter(isCountable)
  const missing = (set.spec?.replicas ?? 1) - active.length - adopted.length
  if (!deleting && missing > 0) actions.push({ kind: 'create-pods', count: Math.min(missing, BURST_MAX) })
  if (!deleting && missing < 0) {
    const surplus = [...active].sort(byCostOfLoss(observed)).slice(0, -missing)
    for (const pod of surplus) actions.push({ kind: 'delete-pod', pod })
  }

  const minReadyMs = (set.spec?.minReadySeconds ?? 0) * 1000
  const status = statusOf(observed, active, minReadyMs)
  if (!isDeepStrictEqual(status, set.status)) actions.push({ kind: 'write-status', status })
  const waits = active.map(pod => availableInMs(pod, minReadyMs, now)).filter(ms => ms > 0 && Number.isFinite(ms))
  if (waits.length > 0) actions.push({ kind: 'look-again', afterMs: Math.min(...waits) })
  return actions
}

/** Pods that are finished or on their way out are replaced. */
function isCountable(pod: Pod): boolean {
  return !isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined
}

/** Milliseconds until the pod has been ready for long enough: 0 when it has, Infinity when it is not ready. */
function availableInMs(pod: Pod, minReadyMs: number, now: number): number {
  if (!isPodReady(pod)) return Number.POSITIVE_INFINITY
  const since = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '')
  return minReadyMs === 0 || Number.isNaN(since) ? 0 : Math.max(0, since + minReadyMs - now)
}

function statusOf({ set, now, failure }: Observed, active: readonly Pod[], minReadyMs: number): ReplicaSetStatus {
  const templateLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {})
  const status: ReplicaSetStatus = { replicas: active.length }
  const count = (name: 'fullyLabeledReplicas' | 'readyReplicas' | 'availableReplicas', matches: (pod: Pod) => boolean) => {
    const matching = active.filter(matches).length
    if (matching > 0) status[name] = matching
  }
  count('fullyLabeledReplicas', pod => templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value))
  count('readyReplicas', isPodReady)
  count('availableReplicas', pod => availableInMs(pod, minReadyMs, now) === 0)
  const others = (set.status?.conditions ?? []).filter(condition => condition.type !== 'ReplicaFailure')
  const before = set.status?.conditions?.find(condition => condition.type === 'ReplicaFailure')
  if (failure) {
    const same = before?.status === 'True' && before.reason === failure.reason
    const lastTransitionTime = same && before.lastTransitionTime ? before.lastTransitionTime : formatTime(now)
    others.push({ type: 'ReplicaFailure', status: 'True', ...failure, lastTransitionTime })
  }
  if (others.length > 0) status.conditions = others
  if (set.metadata.generation !== undefined) status.observedGeneration = set.metadata.generation
  return status
}

const PHASE_COST: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 }

/**
 * Pods that serve nobody go first, then those that cost least: the order of Kubernetes' ActivePodsWithRanks.
 * https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset
 */
function byCostOfLoss({ podsPerNode }: Observed): (a: Pod, b: Pod) => number {
  const ranks: ((pod: Pod) => number)[] = [
    pod => (pod.spec?.nodeName ? 1 : 0),
    pod => PHASE_COST[pod.status?.phase ?? 'Pending'] ?? 0,
    pod => (isPodReady(pod) ? 1 : 0),
    pod => Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0) || 0,
    pod => -(podsPerNode?.get(pod.spec?.nodeName ?? '') ?? 0),
    // Ready for a shorter time: closer to the present, so the larger time goes first.
    pod => -(Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '') || 0),
    pod => -(pod.status?.containerStatuses ?? []).reduce((most, status) => Math.max(most, status.restartCount), 0),
    pod => -(Date.parse(pod.metadata.creationTimestamp ?? '') || 0),
  ]
  return (a, b) => {
    for (const rank of ranks) {
      const difference = rank(a) - rank(b)
      if (difference !== 0) return difference
    }
    return (a.metadata.name ?? '').localeCompare(b.metadata.name ?? '')
  }
}
