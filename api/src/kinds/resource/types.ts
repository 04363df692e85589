/** Devices that are given to pods by name of their class (https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/). */
import type { Condition, KubernetesObject, ObjectMeta, Quantity, Time } from '../../meta.ts'
import type { NodeSelector } from '../core/pod.ts'

export interface DeviceSelector {
  cel?: { expression: string }
}

export interface DeviceConfiguration {
  opaque?: { driver: string; parameters: unknown }
}

export interface DeviceClass extends KubernetesObject {
  spec: { selectors?: DeviceSelector[]; config?: DeviceConfiguration[]; extendedResourceName?: string }
}

export interface DeviceToleration {
  key?: string
  operator?: 'Exists' | 'Equal'
  value?: string
  effect?: 'None' | 'NoSchedule' | 'NoExecute'
  tolerationSeconds?: number
}

/** Of a request, or of one of several that would do. */
export interface DeviceRequestParts {
  deviceClassName?: string
  selectors?: DeviceSelector[]
  allocationMode?: 'ExactCount' | 'All'
  count?: number
  tolerations?: DeviceToleration[]
  capacity?: { requests?: Record<string, Quantity> }
}

export interface DeviceRequest {
  name: string
  exactly?: DeviceRequestParts & { adminAccess?: boolean }
  firstAvailable?: (DeviceRequestParts & { name: string })[]
}

export interface ResourceClaimSpec {
  devices?: {
    requests?: DeviceRequest[]
    constraints?: { requests?: string[]; matchAttribute?: string; distinctAttribute?: string }[]
    config?: (DeviceConfiguration & { requests?: string[] })[]
  }
}

export interface ResourceClaim extends KubernetesObject {
  spec: ResourceClaimSpec
  status?: {
    allocation?: { devices?: { results?: object[]; config?: object[] }; nodeSelector?: NodeSelector; allocationTimestamp?: Time }
    reservedFor?: { apiGroup?: string; resource: string; name: string; uid: string }[]
    devices?: { driver: string; pool: string; device: string; shareID?: string; conditions?: Condition[]; data?: unknown }[]
  }
}

export interface ResourceClaimTemplate extends KubernetesObject {
  spec: { metadata?: ObjectMeta; spec: ResourceClaimSpec }
}

export interface DeviceTaint {
  key: string
  value?: string
  effect: 'None' | 'NoSchedule' | 'NoExecute'
  timeAdded?: Time
}

export interface Device {
  name: string
  attributes?: Record<string, { int?: number; bool?: boolean; string?: string; version?: string }>
  capacity?: Record<string, { value: Quantity; requestPolicy?: object }>
  taints?: DeviceTaint[]
  nodeName?: string
  nodeSelector?: NodeSelector
  allNodes?: boolean
}

export interface ResourceSlice extends KubernetesObject {
  spec: {
    driver: string
    pool: { name: string; generation: number; resourceSliceCount: number }
    nodeName?: string
    nodeSelector?: NodeSelector
    allNodes?: boolean
    perDeviceNodeSelection?: boolean
    devices?: Device[]
    sharedCounters?: { name: string; counters: Record<string, { value: Quantity }> }[]
  }
}

export interface DeviceTaintRule extends KubernetesObject {
  spec: { deviceSelector?: { driver?: string; pool?: string; device?: string }; taint: DeviceTaint }
  status?: { conditions?: Condition[] }
}
