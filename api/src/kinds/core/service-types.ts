import type { AddressFamily } from '../../addresses.ts'
import type { Condition, IntOrString, KubernetesObject } from '../../meta.ts'
import type { Protocol } from './pod/container-types.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/ */
export interface Service extends KubernetesObject {
  spec: ServiceSpec
  status?: ServiceStatus
}

export interface ServiceSpec {
  ports?: ServicePort[]
  selector?: Record<string, string>
  /** `None` for a headless Service. */
  clusterIP?: string
  clusterIPs?: string[]
  type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  externalIPs?: string[]
  sessionAffinity?: 'ClientIP' | 'None'
  loadBalancerIP?: string
  loadBalancerSourceRanges?: string[]
  externalName?: string
  externalTrafficPolicy?: 'Cluster' | 'Local'
  healthCheckNodePort?: number
  publishNotReadyAddresses?: boolean
  sessionAffinityConfig?: SessionAffinityConfig
  ipFamilies?: AddressFamily[]
  ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack'
  allocateLoadBalancerNodePorts?: boolean
  loadBalancerClass?: string
  internalTrafficPolicy?: 'Cluster' | 'Local'
  trafficDistribution?: string
}

export interface ServicePort {
  name?: string
  protocol?: Protocol
  appProtocol?: string
  port: number
  /** A name is that of a container port. */
  targetPort?: IntOrString
  nodePort?: number
}

export interface SessionAffinityConfig {
  clientIP?: { timeoutSeconds?: number }
}

export interface ServiceStatus {
  loadBalancer?: LoadBalancerStatus
  conditions?: (Condition & { observedGeneration?: number })[]
}

export interface LoadBalancerStatus {
  ingress?: LoadBalancerIngress[]
}

export interface LoadBalancerIngress {
  ip?: string
  hostname?: string
  ipMode?: 'VIP' | 'Proxy'
  ports?: PortStatus[]
}

export interface PortStatus {
  port: number
  protocol: Protocol
  error?: string
}
