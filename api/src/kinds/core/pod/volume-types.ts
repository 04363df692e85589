/** A pod's volumes and what they are filled from. */
import type { LabelSelector, ObjectMeta, Quantity } from '../../../meta.ts'

/** Apart from the name exactly one field is set. */
export interface Volume extends VolumeSource {
  name: string
}

export interface VolumeSource {
  emptyDir?: EmptyDirVolumeSource
  hostPath?: HostPathVolumeSource
  configMap?: ConfigMapVolumeSource
  secret?: SecretVolumeSource
  projected?: ProjectedVolumeSource
  downwardAPI?: DownwardApiVolumeSource
  persistentVolumeClaim?: { claimName: string; readOnly?: boolean }
  ephemeral?: EphemeralVolumeSource
  image?: ImageVolumeSource
  csi?: CsiVolumeSource
  nfs?: { server: string; path: string; readOnly?: boolean }
  iscsi?: IscsiVolumeSource
  fc?: { targetWWNs?: string[]; lun?: number; fsType?: string; readOnly?: boolean; wwids?: string[] }
  // Sources of storage systems that Kubernetes itself has retired or moved to CSI: accepted as written, served by nobody.
  awsElasticBlockStore?: Record<string, unknown>
  azureDisk?: Record<string, unknown>
  azureFile?: Record<string, unknown>
  cephfs?: Record<string, unknown>
  cinder?: Record<string, unknown>
  flexVolume?: Record<string, unknown>
  flocker?: Record<string, unknown>
  gcePersistentDisk?: Record<string, unknown>
  gitRepo?: Record<string, unknown>
  glusterfs?: Record<string, unknown>
  photonPersistentDisk?: Record<string, unknown>
  portworxVolume?: Record<string, unknown>
  quobyte?: Record<string, unknown>
  rbd?: Record<string, unknown>
  scaleIO?: Record<string, unknown>
  storageos?: Record<string, unknown>
  vsphereVolume?: Record<string, unknown>
}

export interface LocalObjectReference {
  name?: string
}

/** One key of a ConfigMap, or of a Secret, as a file. */
export interface KeyToPath {
  key: string
  path: string
  mode?: number
}

export interface EmptyDirVolumeSource {
  /** `Memory` for tmpfs. */
  medium?: string
  sizeLimit?: Quantity
}

export interface HostPathVolumeSource {
  path: string
  type?: '' | 'DirectoryOrCreate' | 'Directory' | 'FileOrCreate' | 'File' | 'Socket' | 'CharDevice' | 'BlockDevice'
}

/** The files of an image, read-only. */
export interface ImageVolumeSource {
  reference?: string
  pullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
}

export interface ConfigMapVolumeSource {
  name?: string
  items?: KeyToPath[]
  defaultMode?: number
  optional?: boolean
}

export interface SecretVolumeSource {
  secretName?: string
  items?: KeyToPath[]
  defaultMode?: number
  optional?: boolean
}

export interface ProjectedVolumeSource {
  sources?: VolumeProjection[]
  defaultMode?: number
}

/** Exactly one is set. */
export interface VolumeProjection {
  secret?: { name?: string; items?: KeyToPath[]; optional?: boolean }
  configMap?: { name?: string; items?: KeyToPath[]; optional?: boolean }
  downwardAPI?: { items?: DownwardApiVolumeFile[] }
  serviceAccountToken?: ServiceAccountTokenProjection
  clusterTrustBundle?: ClusterTrustBundleProjection
}

export interface ServiceAccountTokenProjection {
  audience?: string
  expirationSeconds?: number
  path: string
}

export interface ClusterTrustBundleProjection {
  name?: string
  signerName?: string
  labelSelector?: LabelSelector
  optional?: boolean
  path: string
}

export interface DownwardApiVolumeSource {
  items?: DownwardApiVolumeFile[]
  defaultMode?: number
}

export interface DownwardApiVolumeFile {
  path: string
  fieldRef?: ObjectFieldSelector
  resourceFieldRef?: ResourceFieldSelector
  mode?: number
}

export interface ObjectFieldSelector {
  apiVersion?: string
  fieldPath: string
}

export interface ResourceFieldSelector {
  containerName?: string
  resource: string
  divisor?: Quantity
}

export interface ConfigMapKeySelector {
  name?: string
  key: string
  optional?: boolean
}

export interface SecretKeySelector {
  name?: string
  key: string
  optional?: boolean
}

export interface EphemeralVolumeSource {
  volumeClaimTemplate?: PersistentVolumeClaimTemplate
}

export interface PersistentVolumeClaimTemplate {
  metadata?: ObjectMeta
  spec: PersistentVolumeClaimSpec
}

export interface PersistentVolumeClaimSpec {
  accessModes?: ('ReadWriteOnce' | 'ReadOnlyMany' | 'ReadWriteMany' | 'ReadWriteOncePod')[]
  selector?: LabelSelector
  resources?: { limits?: Record<string, Quantity>; requests?: Record<string, Quantity> }
  volumeName?: string
  storageClassName?: string
  volumeMode?: 'Filesystem' | 'Block'
  dataSource?: { apiGroup?: string; kind: string; name: string }
  dataSourceRef?: { apiGroup?: string; kind: string; name: string; namespace?: string }
  volumeAttributesClassName?: string
}

export interface CsiVolumeSource {
  driver: string
  readOnly?: boolean
  fsType?: string
  volumeAttributes?: Record<string, string>
  nodePublishSecretRef?: LocalObjectReference
}

export interface IscsiVolumeSource {
  targetPortal: string
  iqn: string
  lun: number
  iscsiInterface?: string
  fsType?: string
  readOnly?: boolean
  portals?: string[]
  chapAuthDiscovery?: boolean
  chapAuthSession?: boolean
  secretRef?: LocalObjectReference
  initiatorName?: string
}
