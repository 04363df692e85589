import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '@davit/api'
import { formatTime } from '@davit/api'
import { deploymentReplicas, maxUnavailable, total } from './plan.ts'

export interface StatusInput {
  deployment: Deployment
  sets: readonly ReplicaSet[]
  newSet: ReplicaSet | undefined
  /** Milliseconds since the epoch. */
  now: number
}

/** The status Kubernetes would show, and in how many milliseconds time alone may change it. */
export function deploymentStatus(input: StatusInput): { status: DeploymentStatus; againAfterMs?: number } {
  const { deployment, sets, newSet } = input
  const available = total(sets, set => set.status?.availableReplicas ?? 0)
  const replicas = total(sets, set => set.status?.replicas ?? 0)
  const counts = {
    replicas,
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: total(sets, set => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, total(sets, set => set.spec?.replicas ?? 1) - available),
  }
  const status: DeploymentStatus = {}
  if (deployment.metadata.generation !== undefined) status.observedGeneration = deployment.metadata.generation
  for (const [name, value] of Object.entries(counts)) if (value > 0) status[name as keyof typeof counts] = value
  if (deployment.status?.collisionCount !== undefined) status.collisionCount = deployment.status.collisionCount

  const isAvailable = available >= deploymentReplicas(deployment) - maxUnavailable(deployment)
  const conditions = new Map((deployment.status?.conditions ?? []).map(condition => [condition.type, condition]))
  set(conditions, input.now, {
    type: 'Available',
    status: isAvailable ? 'True' : 'False',
    reason: isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: isAvailable ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
  })
  const failure = sets
    .flatMap(each => each.status?.conditions ?? [])
    .find(condition => condition.type === 'ReplicaFailure' && condition.status === 'True')
  if (failure)
    set(conditions, input.now, { type: 'ReplicaFailure', status: 'True', reason: failure.reason ?? '', message: failure.message ?? '' })
  else conditions.delete('ReplicaFailure')
  const againAfterMs = progress(conditions, input, counts)
  status.conditions = [...conditions.values()]
  return againAfterMs === undefined ? { status } : { status, againAfterMs }
}

type Counts = { replicas: number; updatedReplicas: number; readyReplicas: number; availableReplicas: number }

/** Keeps the condition Progressing; gives the milliseconds until the deadline when one runs. */
function progress(
  conditions: Map<string, DeploymentCondition>,
  { deployment, newSet, now }: StatusInput,
  counts: Counts,
): number | undefined {
  const { spec, status: before } = deployment
  const wanted = deploymentReplicas(deployment)
  const current = conditions.get('Progressing')
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`
  const say = (status: 'True' | 'False' | 'Unknown', reason: string, message: string, moved = false) =>
    set(conditions, now, { type: 'Progressing', status, reason, message }, moved)

  if (spec?.paused) {
    say('Unknown', 'DeploymentPaused', 'Deployment is paused')
    return undefined
  }
  if (current?.reason === 'DeploymentPaused') say('Unknown', 'DeploymentResumed', 'Deployment is resumed', true)
  const isComplete =
    newSet !== undefined &&
    counts.updatedReplicas === wanted &&
    counts.replicas === wanted &&
    counts.availableReplicas === wanted &&
    (newSet.status?.observedGeneration ?? 0) >= (newSet.metadata.generation ?? 0)
  if (isComplete) {
    say('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`)
    return undefined
  }
  const isFreshRollout = current === undefined || (current.reason === 'NewReplicaSetAvailable' && counts.updatedReplicas < wanted)
  if (isFreshRollout && newSet) say('True', 'NewReplicaSetCreated', `Created new replica set "${newSet.metadata.name}"`, true)
  const hasMoved =
    counts.updatedReplicas > (before?.updatedReplicas ?? 0) ||
    counts.readyReplicas > (before?.readyReplicas ?? 0) ||
    counts.availableReplicas > (before?.availableReplicas ?? 0) ||
    counts.replicas - counts.updatedReplicas < (before?.replicas ?? 0) - (before?.updatedReplicas ?? 0)
  if (hasMoved) say('True', 'ReplicaSetUpdated', `${subject} is progressing.`, true)

  const latest = conditions.get('Progressing')
  if (!latest || latest.reason === 'NewReplicaSetAvailable' || latest.reason === 'ProgressDeadlineExceeded') return undefined
  const deadlineMs = (spec?.progressDeadlineSeconds ?? 600) * 1000
  const leftMs = Date.parse(latest.lastUpdateTime ?? '') + deadlineMs - now
  if (leftMs > 0) return leftMs
  say('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`)
  return undefined
}

/** Sets a condition as Kubernetes does: the transition time moves with the status, the update time with any change or `moved`. */
function set(conditions: Map<string, DeploymentCondition>, now: number, condition: DeploymentCondition, moved = false): void {
  const before = conditions.get(condition.type)
  const isSame = before?.status === condition.status && before.reason === condition.reason && before.message === condition.message
  if (isSame && !moved) return
  const time = formatTime(now)
  const lastTransitionTime = before?.status === condition.status ? (before.lastTransitionTime ?? time) : time
  conditions.set(condition.type, { ...condition, lastUpdateTime: time, lastTransitionTime })
}
