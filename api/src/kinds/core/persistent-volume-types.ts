import type { Condition, KubernetesObject, Quantity, Time } from '../../meta.ts'
import type { ObjectReference } from './object-reference.ts'
import type { NodeSelector } from './pod/scheduling-types.ts'
import type { HostPathVolumeSource, IscsiVolumeSource, PersistentVolumeClaimSpec, VolumeSource } from './pod/volume-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-v1/ */
export interface PersistentVolume extends KubernetesObject {
  spec: PersistentVolumeSpec
  status?: PersistentVolumeStatus
}

export type PersistentVolumeAccessMode = 'ReadWriteOnce' | 'ReadOnlyMany' | 'ReadWriteMany' | 'ReadWriteOncePod'
export type PersistentVolumeReclaimPolicy = 'Delete' | 'Recycle' | 'Retain'
export type PersistentVolumePhase = 'Pending' | 'Available' | 'Bound' | 'Released' | 'Failed'
export type PersistentVolumeClaimPhase = 'Pending' | 'Bound' | 'Lost'

type Retired =
  | 'awsElasticBlockStore'
  | 'azureDisk'
  | 'azureFile'
  | 'cephfs'
  | 'cinder'
  | 'flexVolume'
  | 'flocker'
  | 'gcePersistentDisk'
  | 'glusterfs'
  | 'photonPersistentDisk'
  | 'portworxVolume'
  | 'quobyte'
  | 'rbd'
  | 'scaleIO'
  | 'storageos'
  | 'vsphereVolume'

/** Where the data is; exactly one is set. */
export interface PersistentVolumeSource extends Pick<VolumeSource, Retired | 'nfs' | 'fc'> {
  hostPath?: HostPathVolumeSource
  local?: LocalVolumeSource
  csi?: CsiPersistentVolumeSource
  iscsi?: IscsiPersistentVolumeSource
}

export interface PersistentVolumeSpec extends PersistentVolumeSource {
  capacity?: Record<string, Quantity>
  accessModes?: PersistentVolumeAccessMode[]
  /** The claim the volume belongs to, or is kept for. */
  claimRef?: ObjectReference
  persistentVolumeReclaimPolicy?: PersistentVolumeReclaimPolicy
  storageClassName?: string
  mountOptions?: string[]
  volumeMode?: 'Filesystem' | 'Block'
  nodeAffinity?: VolumeNodeAffinity
  volumeAttributesClassName?: string
}

export interface VolumeNodeAffinity {
  required?: NodeSelector
}

export interface LocalVolumeSource {
  path: string
  fsType?: string
}

/** A Secret of any namespace. */
export interface SecretReference {
  name?: string
  namespace?: string
}

export interface CsiPersistentVolumeSource {
  driver: string
  volumeHandle: string
  readOnly?: boolean
  fsType?: string
  volumeAttributes?: Record<string, string>
  controllerPublishSecretRef?: SecretReference
  nodeStageSecretRef?: SecretReference
  nodePublishSecretRef?: SecretReference
  controllerExpandSecretRef?: SecretReference
  nodeExpandSecretRef?: SecretReference
}

export interface IscsiPersistentVolumeSource extends Omit<IscsiVolumeSource, 'secretRef'> {
  secretRef?: SecretReference
}

export interface PersistentVolumeStatus {
  phase?: PersistentVolumePhase
  message?: string
  reason?: string
  lastPhaseTransitionTime?: Time
}

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/persistent-volume-claim-v1/ */
export interface PersistentVolumeClaim extends KubernetesObject {
  spec: PersistentVolumeClaimSpec
  status?: PersistentVolumeClaimStatus
}

export interface PersistentVolumeClaimStatus {
  phase?: PersistentVolumeClaimPhase
  accessModes?: PersistentVolumeAccessMode[]
  capacity?: Record<string, Quantity>
  conditions?: PersistentVolumeClaimCondition[]
  allocatedResources?: Record<string, Quantity>
  allocatedResourceStatuses?: Record<string, string>
  currentVolumeAttributesClassName?: string
  modifyVolumeStatus?: { targetVolumeAttributesClassName?: string; status: string }
}

export interface PersistentVolumeClaimCondition extends Condition {
  lastProbeTime?: Time
}
