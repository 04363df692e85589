/** A container of a pod: what was asked for, and what became of it. */
import type { IntOrString, Quantity, Time } from '../../../meta.ts'
import type { SecurityContext } from './security-types.ts'
import type { ConfigMapKeySelector, ObjectFieldSelector, ResourceFieldSelector, SecretKeySelector } from './volume-types.ts'

export interface Container {
  name: string
  image: string
  command?: string[]
  args?: string[]
  workingDir?: string
  ports?: ContainerPort[]
  envFrom?: EnvFromSource[]
  env?: EnvVar[]
  resources?: ResourceRequirements
  resizePolicy?: ContainerResizePolicy[]
  /** `Always` makes an init container a sidecar. Not allowed elsewhere. */
  restartPolicy?: 'Always'
  volumeMounts?: VolumeMount[]
  volumeDevices?: VolumeDevice[]
  livenessProbe?: Probe
  readinessProbe?: Probe
  startupProbe?: Probe
  lifecycle?: Lifecycle
  terminationMessagePath?: string
  terminationMessagePolicy?: 'File' | 'FallbackToLogsOnError'
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  securityContext?: SecurityContext
  stdin?: boolean
  stdinOnce?: boolean
  tty?: boolean
}

/** Added to a running pod to look into it; never restarted. */
export interface EphemeralContainer extends Container {
  /** Container whose process namespace it joins. */
  targetContainerName?: string
}

export interface ContainerPort {
  name?: string
  containerPort: number
  hostPort?: number
  protocol?: Protocol
  hostIP?: string
}

export type Protocol = 'TCP' | 'UDP' | 'SCTP'

export interface EnvVar {
  name: string
  value?: string
  valueFrom?: EnvVarSource
}

export interface EnvVarSource {
  fieldRef?: ObjectFieldSelector
  resourceFieldRef?: ResourceFieldSelector
  configMapKeyRef?: ConfigMapKeySelector
  secretKeyRef?: SecretKeySelector
}

export interface EnvFromSource {
  prefix?: string
  configMapRef?: { name?: string; optional?: boolean }
  secretRef?: { name?: string; optional?: boolean }
}

export interface ResourceRequirements {
  limits?: Record<string, Quantity>
  requests?: Record<string, Quantity>
  claims?: { name: string; request?: string }[]
}

export interface ContainerResizePolicy {
  resourceName: string
  restartPolicy: 'NotRequired' | 'RestartContainer'
}

export interface VolumeMount {
  name: string
  mountPath: string
  readOnly?: boolean
  recursiveReadOnly?: 'Disabled' | 'IfPossible' | 'Enabled'
  subPath?: string
  subPathExpr?: string
  mountPropagation?: 'None' | 'HostToContainer' | 'Bidirectional'
}

export interface VolumeDevice {
  name: string
  devicePath: string
}

/** Exactly one of the handlers is set. */
export interface Probe {
  exec?: ExecAction
  httpGet?: HttpGetAction
  tcpSocket?: TcpSocketAction
  grpc?: GrpcAction
  initialDelaySeconds?: number
  timeoutSeconds?: number
  periodSeconds?: number
  successThreshold?: number
  failureThreshold?: number
  terminationGracePeriodSeconds?: number
}

export interface ExecAction {
  command?: string[]
}

export interface HttpGetAction {
  path?: string
  port: IntOrString
  host?: string
  scheme?: 'HTTP' | 'HTTPS'
  httpHeaders?: { name: string; value: string }[]
}

export interface TcpSocketAction {
  port: IntOrString
  host?: string
}

export interface GrpcAction {
  port: number
  service?: string
}

export interface Lifecycle {
  postStart?: LifecycleHandler
  preStop?: LifecycleHandler
  /** Such as `SIGQUIT`; the image's own when unsaid. */
  stopSignal?: string
}

/** Exactly one is set. */
export interface LifecycleHandler {
  exec?: ExecAction
  httpGet?: HttpGetAction
  tcpSocket?: TcpSocketAction
  sleep?: { seconds: number }
}

export interface ContainerStatus {
  name: string
  state?: ContainerState
  lastState?: ContainerState
  ready: boolean
  restartCount: number
  image: string
  imageID: string
  containerID?: string
  started?: boolean
  allocatedResources?: Record<string, Quantity>
  resources?: ResourceRequirements
  volumeMounts?: VolumeMountStatus[]
  user?: { linux?: { uid: number; gid: number; supplementalGroups?: number[] } }
}

/** At most one is set; none means waiting. */
export interface ContainerState {
  waiting?: ContainerStateWaiting
  running?: ContainerStateRunning
  terminated?: ContainerStateTerminated
}

export interface ContainerStateWaiting {
  reason?: string
  message?: string
}

export interface ContainerStateRunning {
  startedAt?: Time
}

export interface ContainerStateTerminated {
  exitCode: number
  signal?: number
  reason?: string
  message?: string
  startedAt?: Time
  finishedAt?: Time
  containerID?: string
}

export interface VolumeMountStatus {
  name: string
  mountPath: string
  readOnly?: boolean
  recursiveReadOnly?: string
}
