/** A Pod as it travels: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
import type { KubernetesObject, ObjectMeta, Quantity, Time } from '../../../meta.ts'
import type { Container, ContainerStatus, EphemeralContainer } from './container-types.ts'
import type { Affinity, Toleration, TopologySpreadConstraint } from './scheduling-types.ts'
import type { PodSecurityContext } from './security-types.ts'
import type { LocalObjectReference, Volume } from './volume-types.ts'

export interface Pod extends KubernetesObject {
  spec: PodSpec
  status?: PodStatus
}

/** What a Deployment or ReplicaSet makes pods from. */
export interface PodTemplateSpec {
  metadata?: ObjectMeta
  spec: PodSpec
}

export interface PodSpec {
  volumes?: Volume[]
  initContainers?: Container[]
  containers: Container[]
  ephemeralContainers?: EphemeralContainer[]
  restartPolicy?: 'Always' | 'OnFailure' | 'Never'
  terminationGracePeriodSeconds?: number
  activeDeadlineSeconds?: number
  dnsPolicy?: 'ClusterFirst' | 'ClusterFirstWithHostNet' | 'Default' | 'None'
  nodeSelector?: Record<string, string>
  serviceAccountName?: string
  /** Old name of `serviceAccountName`; kept equal to it. */
  serviceAccount?: string
  automountServiceAccountToken?: boolean
  /** Empty until the pod is bound. */
  nodeName?: string
  hostNetwork?: boolean
  hostPID?: boolean
  hostIPC?: boolean
  shareProcessNamespace?: boolean
  securityContext?: PodSecurityContext
  imagePullSecrets?: LocalObjectReference[]
  hostname?: string
  subdomain?: string
  setHostnameAsFQDN?: boolean
  affinity?: Affinity
  schedulerName?: string
  tolerations?: Toleration[]
  hostAliases?: HostAlias[]
  priorityClassName?: string
  priority?: number
  preemptionPolicy?: 'PreemptLowerPriority' | 'Never'
  dnsConfig?: PodDnsConfig
  readinessGates?: { conditionType: string }[]
  runtimeClassName?: string
  enableServiceLinks?: boolean
  overhead?: Record<string, Quantity>
  topologySpreadConstraints?: TopologySpreadConstraint[]
  os?: { name: 'linux' | 'windows' }
  schedulingGates?: { name: string }[]
  resourceClaims?: PodResourceClaim[]
}

export interface HostAlias {
  ip: string
  hostnames?: string[]
}

export interface PodDnsConfig {
  nameservers?: string[]
  searches?: string[]
  options?: { name?: string; value?: string }[]
}

export interface PodResourceClaim {
  name: string
  resourceClaimName?: string
  resourceClaimTemplateName?: string
}

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
export type PodQosClass = 'Guaranteed' | 'Burstable' | 'BestEffort'

export interface PodStatus {
  observedGeneration?: number
  phase?: PodPhase
  conditions?: PodCondition[]
  message?: string
  reason?: string
  nominatedNodeName?: string
  hostIP?: string
  hostIPs?: { ip: string }[]
  podIP?: string
  podIPs?: { ip: string }[]
  /** When the agent took the pod over, before it pulled any image. */
  startTime?: Time
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
  ephemeralContainerStatuses?: ContainerStatus[]
  qosClass?: PodQosClass
  resize?: 'Proposed' | 'InProgress' | 'Deferred' | 'Infeasible'
  resourceClaimStatuses?: { name: string; resourceClaimName?: string }[]
}

/** `PodScheduled`, `Initialized`, `ContainersReady`, `Ready`, `DisruptionTarget`, …, or one a readiness gate names. */
export interface PodCondition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  observedGeneration?: number
  lastProbeTime?: Time
  lastTransitionTime?: Time
  reason?: string
  message?: string
}
