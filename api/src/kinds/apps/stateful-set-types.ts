import type { Condition, IntOrString, KubernetesObject, LabelSelector } from '../../meta.ts'
import type { PersistentVolumeClaim } from '../core/persistent-volume-types.ts'
import type { PodTemplateSpec } from '../core/pod.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/stateful-set-v1/ */
export interface StatefulSet extends KubernetesObject {
  spec: StatefulSetSpec
  status?: StatefulSetStatus
}

export interface StatefulSetSpec {
  serviceName?: string
  replicas?: number
  selector: LabelSelector
  template: PodTemplateSpec
  volumeClaimTemplates?: PersistentVolumeClaim[]
  podManagementPolicy?: 'OrderedReady' | 'Parallel'
  updateStrategy?: StatefulSetUpdateStrategy
  revisionHistoryLimit?: number
  minReadySeconds?: number
  persistentVolumeClaimRetentionPolicy?: StatefulSetPersistentVolumeClaimRetentionPolicy
  ordinals?: StatefulSetOrdinals
}

export interface StatefulSetUpdateStrategy {
  type?: 'RollingUpdate' | 'OnDelete'
  rollingUpdate?: RollingUpdateStatefulSetStrategy
}

export interface RollingUpdateStatefulSetStrategy {
  partition?: number
  maxUnavailable?: IntOrString
}

export interface StatefulSetPersistentVolumeClaimRetentionPolicy {
  whenDeleted?: 'Retain' | 'Delete'
  whenScaled?: 'Retain' | 'Delete'
}

export interface StatefulSetOrdinals {
  start?: number
}

export interface StatefulSetStatus {
  observedGeneration?: number
  replicas?: number
  readyReplicas?: number
  currentReplicas?: number
  updatedReplicas?: number
  availableReplicas?: number
  currentRevision?: string
  updateRevision?: string
  collisionCount?: number
  conditions?: Condition[]
}
