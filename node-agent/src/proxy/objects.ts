import type { EndpointSlice, Service } from '@davit/api'

/** Label of an EndpointSlice that names its Service. */
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/** `namespace/name` of the Service a slice belongs to; undefined when it names none. */
export function serviceKeyOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[SERVICE_NAME_LABEL]
  return name && `${metadata.namespace}/${name}`
}

/** A ClusterIP of its own, rather than `None` or nothing. */
export function hasClusterIp({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && !!spec.clusterIP && spec.clusterIP !== 'None'
}
