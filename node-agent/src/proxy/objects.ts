/** What the proxy reads of the API's objects: Services and their EndpointSlices. */
import type { Informer, KubernetesObject } from '@davit/api'

type Maybe<T> = T | undefined

export interface ServicePortSpec {
  name?: Maybe<string>
  protocol?: Maybe<string>
  port: number
  nodePort?: Maybe<number>
}

export interface ServiceObject extends KubernetesObject {
  spec?: Maybe<{
    type?: Maybe<string>
    clusterIP?: Maybe<string>
    clusterIPs?: Maybe<readonly string[]>
    ports?: Maybe<readonly ServicePortSpec[]>
    externalIPs?: Maybe<readonly string[]>
    externalName?: Maybe<string>
    externalTrafficPolicy?: Maybe<string>
    internalTrafficPolicy?: Maybe<string>
    sessionAffinity?: Maybe<string>
    sessionAffinityConfig?: Maybe<{ clientIP?: Maybe<{ timeoutSeconds?: Maybe<number> }> }>
    loadBalancerSourceRanges?: Maybe<readonly string[]>
    loadBalancerClass?: Maybe<string>
    publishNotReadyAddresses?: Maybe<boolean>
  }>
  status?: Maybe<{ loadBalancer?: Maybe<{ ingress?: Maybe<readonly { ip?: Maybe<string>; ipMode?: Maybe<string> }[]> }> }>
}

export interface EndpointObject {
  addresses: readonly string[]
  conditions?: Maybe<{ ready?: Maybe<boolean>; serving?: Maybe<boolean>; terminating?: Maybe<boolean> }>
  hostname?: Maybe<string>
  nodeName?: Maybe<string>
}

export interface EndpointSliceObject extends KubernetesObject {
  addressType: string
  endpoints?: Maybe<readonly EndpointObject[]>
  ports?: Maybe<readonly { name?: Maybe<string>; protocol?: Maybe<string>; port?: Maybe<number> }[]>
}

export type ServiceInformer = Informer<ServiceObject>
export type EndpointSliceInformer = Informer<EndpointSliceObject>

/** Label of an EndpointSlice that names its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** `namespace/name` of the Service a slice belongs to; undefined when it names none. */
export function serviceKeyOf({ metadata }: EndpointSliceObject): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME_LABEL]
  return name && `${metadata.namespace}/${name}`
}

/** A ClusterIP of its own, rather than `None` or nothing. */
export function hasClusterIp({ spec }: ServiceObject): boolean {
  return spec?.type !== 'ExternalName' && !!spec?.clusterIP && spec.clusterIP !== 'None'
}
