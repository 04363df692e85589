import type { Pod, PodResources } from '@davit/api'
import type { NodeInfo } from '../node-info.ts'
import type { PodVolumes } from '../pod-volumes.ts'

/** A pod with what is worked out of it once for all nodes. */
export interface PodInfo {
  readonly pod: Pod
  readonly requests: PodResources
  readonly volumes: PodVolumes
}

/** Why the pod may not run on the node, in the words Kubernetes' scheduler uses; empty when it may. */
export type Filter = (pod: PodInfo, node: NodeInfo) => readonly string[]

export const PASS: readonly string[] = []
