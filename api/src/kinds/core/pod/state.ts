/** Questions that controllers, the scheduler and agents ask of a pod. */
import { STATIC_PODS } from '../../../well-known.ts'
import type { Pod, PodCondition } from './types.ts'

/** The pod's condition of that type, if it has one. */
export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find(condition => condition.type === type)
}

/** True when its Ready condition says so: it may be sent requests. */
export function isPodReady(pod: Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True'
}

/** True when all its containers have ended for good. */
export function isPodFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'
}

/** True when it counts towards wanted replicas: neither finished nor being deleted. */
export function isPodActive(pod: Pod): boolean {
  return !isPodFinished(pod) && !pod.metadata.deletionTimestamp
}

/** True for what only shows, in the API, a pod that its node runs from a file. */
export function isMirrorPod({ metadata }: Pick<Pod, 'metadata'>): boolean {
  return metadata.annotations?.[STATIC_PODS.mirror] !== undefined
}

/** True for a pod that its node runs from a file, as the node itself knows it. */
export function isStaticPod({ metadata }: Pick<Pod, 'metadata'>): boolean {
  const { annotations = {}, uid } = metadata
  return annotations[STATIC_PODS.source] === 'file' && uid !== undefined && annotations[STATIC_PODS.hash] === uid
}
