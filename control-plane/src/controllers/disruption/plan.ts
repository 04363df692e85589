/**
 * What a PodDisruptionBudget's status says: pure, with Kubernetes' own arithmetic.
 * https://kubernetes.io/docs/tasks/run-application/configure-pdb/
 */
import {
  type IntOrString,
  isPodReady,
  type Pod,
  type PodDisruptionBudget,
  type PodDisruptionBudgetStatus,
  updateDisruptionAllowed,
} from '@davit/api'

/** How long an eviction that was let through counts as a pod that is gone. */
const DELETION_MS_MAX = 120_000

/** Who made a pod, as far as it says how many there are to be. */
export interface Scale {
  readonly uid: string
  readonly replicas: number
}

export interface Observed {
  budget: PodDisruptionBudget
  /** Pods that it chooses. */
  pods: readonly Pod[]
  /** The workload that controls a pod; undefined for one whose number of pods nobody says. */
  scaleOf: (pod: Pod) => Scale | undefined
  /** Milliseconds since the epoch. */
  now: number
}

export interface Outcome {
  status: PodDisruptionBudgetStatus
  /** Why nothing may be evicted though nobody knows the numbers. */
  failure?: string
  /** Pods that were evicted and are still there, which is to be told. */
  overdue: readonly Pod[]
  /** Milliseconds until time alone changes the status. */
  againAfterMs?: number
}

export function planDisruption(observed: Observed): Outcome {
  const { budget, pods, now } = observed
  const { status: before = {}, metadata } = budget
  const expected = expectedPods(observed)
  if (typeof expected === 'string') {
    const failed = { ...before, disruptionsAllowed: 0 }
    const condition = { type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: expected } as const
    return { status: updateDisruptionAllowed(failed, { generation: metadata.generation, now, condition }), failure: expected, overdue: [] }
  }
  const { disruptedPods, overdue, againAfterMs } = disrupted(observed)
  const currentHealthy = pods.filter(
    pod => !pod.metadata.deletionTimestamp && disruptedPods[pod.metadata.name ?? ''] === undefined && isPodReady(pod),
  ).length
  const allowed = expected.count > 0 ? Math.max(0, currentHealthy - expected.desired) : 0
  const status: PodDisruptionBudgetStatus = {
    ...(metadata.generation !== undefined && { observedGeneration: metadata.generation }),
    ...(Object.keys(disruptedPods).length > 0 && { disruptedPods }),
    disruptionsAllowed: allowed,
    currentHealthy,
    desiredHealthy: expected.desired,
    expectedPods: expected.count,
    ...(before.conditions && { conditions: before.conditions }),
  }
  return {
    status: updateDisruptionAllowed(status, { generation: metadata.generation, now }),
    overdue,
    ...(againAfterMs !== undefined && { againAfterMs }),
  }
}

/** How many pods there are to be and how many of them healthy; in words, why nobody can say. */
function expectedPods({ budget, pods, scaleOf }: Observed): { count: number; desired: number } | string {
  const { maxUnavailable, minAvailable } = budget.spec
  if (maxUnavailable === undefined && typeof minAvailable !== 'string') return { count: pods.length, desired: minAvailable ?? 0 }
  const scales = new Map<string, number>()
  for (const pod of pods) {
    // A pod that nobody made is one of no known number.
    if (!pod.metadata.ownerReferences?.some(({ controller }) => controller)) continue
    const scale = scaleOf(pod)
    if (!scale) return `found no controllers for pod "${pod.metadata.name}"`
    scales.set(scale.uid, scale.replicas)
  }
  const count = [...scales.values()].reduce((sum, replicas) => sum + replicas, 0)
  const desired = maxUnavailable === undefined ? shareOf(minAvailable ?? 0, count) : Math.max(0, count - shareOf(maxUnavailable, count))
  return { count, desired }
}

/** A percentage is rounded up. */
function shareOf(amount: IntOrString, of: number): number {
  return typeof amount === 'string' ? Math.ceil((Number.parseInt(amount, 10) * of) / 100) : amount
}

/** Of the evictions that were let through, those that have not been seen to be carried out. */
function disrupted({ budget, pods, now }: Observed): {
  disruptedPods: Record<string, string>
  overdue: Pod[]
  againAfterMs?: number
} {
  const before = budget.status?.disruptedPods ?? {}
  const disruptedPods: Record<string, string> = {}
  const overdue: Pod[] = []
  let againAt = Number.POSITIVE_INFINITY
  for (const pod of pods) {
    const { name = '', deletionTimestamp } = pod.metadata
    const time = before[name]
    if (time === undefined || deletionTimestamp !== undefined) continue
    const endsAt = Date.parse(time) + DELETION_MS_MAX
    if (endsAt < now) overdue.push(pod)
    else {
      disruptedPods[name] = time
      againAt = Math.min(againAt, endsAt)
    }
  }
  return { disruptedPods, overdue, ...(againAt !== Number.POSITIVE_INFINITY && { againAfterMs: againAt - now + 1 }) }
}
