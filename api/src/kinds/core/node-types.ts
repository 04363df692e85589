import type { Condition, KubernetesObject, Quantity, Time } from '../../meta.ts'
import type { TaintEffect } from './pod/scheduling-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/ */
export interface Node extends KubernetesObject {
  spec?: NodeSpec
  status?: NodeStatus
}

export interface NodeSpec {
  podCIDR?: string
  podCIDRs?: string[]
  providerID?: string
  unschedulable?: boolean
  taints?: Taint[]
}

export interface Taint {
  key: string
  value?: string
  effect: TaintEffect
  timeAdded?: Time
}

export interface NodeStatus {
  capacity?: Record<string, Quantity>
  allocatable?: Record<string, Quantity>
  phase?: string
  conditions?: NodeCondition[]
  addresses?: NodeAddress[]
  daemonEndpoints?: NodeDaemonEndpoints
  nodeInfo?: NodeSystemInfo
  images?: ContainerImage[]
  volumesInUse?: string[]
  volumesAttached?: AttachedVolume[]
  runtimeHandlers?: NodeRuntimeHandler[]
  features?: { supplementalGroupsPolicy?: boolean }
}

export interface NodeCondition extends Condition {
  lastHeartbeatTime?: Time
}

export interface NodeAddress {
  type: string
  address: string
}

export interface NodeDaemonEndpoints {
  kubeletEndpoint?: { Port: number }
}

export interface NodeSystemInfo {
  machineID: string
  systemUUID: string
  bootID: string
  kernelVersion: string
  osImage: string
  containerRuntimeVersion: string
  kubeletVersion: string
  kubeProxyVersion: string
  operatingSystem: string
  architecture: string
}

export interface ContainerImage {
  names?: string[]
  sizeBytes?: number
}

export interface AttachedVolume {
  name: string
  devicePath: string
}

export interface NodeRuntimeHandler {
  name?: string
  features?: { recursiveReadOnlyMounts?: boolean; userNamespaces?: boolean }
}
