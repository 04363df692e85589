import { type EndpointSlice, type Endpoints, endpointSliceKind, type Service, type ServicePort } from '@davit/api'
import type { Describer } from './describer.ts'
import { eventsOf, writeEvents } from './events.ts'
import { orNone, writeAnnotations, writeMap } from './writer.ts'

const SERVICE_LABEL = 'kubernetes.io/service-name'

export const describeService: Describer<Service> = async (out, service, { session, now, showEvents }) => {
  const { metadata, spec, status } = service
  const selector = Object.entries(spec.selector ?? {}).map(([name, value]) => `${name}=${value}`)
  out.field(0, 'Name', metadata.name)
  out.field(0, 'Namespace', metadata.namespace)
  writeMap(out, 0, 'Labels', metadata.labels)
  writeAnnotations(out, metadata.annotations)
  out.field(0, 'Selector', selector.sort().join(',') || '<none>')
  out.field(0, 'Type', spec.type ?? '')
  if (spec.ipFamilyPolicy) out.field(0, 'IP Family Policy', spec.ipFamilyPolicy)
  out.field(0, 'IP Families', spec.ipFamilies?.length ? spec.ipFamilies.join(',') : '<none>')
  out.field(0, 'IP', spec.clusterIP ?? '')
  out.field(0, 'IPs', spec.clusterIPs?.length ? spec.clusterIPs.join(',') : '<none>')
  if (spec.externalIPs?.length) out.field(0, 'External IPs', spec.externalIPs.join(','))
  if (spec.loadBalancerIP) out.field(0, 'Desired LoadBalancer IP', spec.loadBalancerIP)
  if (spec.externalName) out.field(0, 'External Name', spec.externalName)
  const ingress = (status?.loadBalancer?.ingress ?? []).map(
    ({ ip, hostname, ipMode }) => `${ip || hostname}${ipMode ? ` (${ipMode})` : ''}`,
  )
  if (ingress.length > 0) out.field(0, 'LoadBalancer Ingress', ingress.join(', '))
  const slices = await session.client.resource(endpointSliceKind).list({
    ...(metadata.namespace && { namespace: metadata.namespace }),
    labelSelector: `${SERVICE_LABEL}=${metadata.name}`,
  })
  for (const port of spec.ports ?? []) {
    const { name = '<unset>', protocol = 'TCP', nodePort } = port
    out.line(0, 'Port:', name, `${port.port}/${protocol}`)
    out.field(0, 'TargetPort', `${port.targetPort ?? port.port}/${protocol}`)
    if (nodePort) out.line(0, 'NodePort:', name, `${nodePort}/${protocol}`)
    out.field(0, 'Endpoints', endpointsText(slices.items, port))
  }
  out.field(0, 'Session Affinity', spec.sessionAffinity ?? '')
  if (spec.externalTrafficPolicy) out.field(0, 'External Traffic Policy', spec.externalTrafficPolicy)
  if (spec.internalTrafficPolicy) out.field(0, 'Internal Traffic Policy', spec.internalTrafficPolicy)
  if (spec.trafficDistribution) out.field(0, 'Traffic Distribution', spec.trafficDistribution)
  if (spec.healthCheckNodePort) out.field(0, 'HealthCheck NodePort', spec.healthCheckNodePort)
  if (spec.loadBalancerSourceRanges?.length) out.field(0, 'LoadBalancer Source Ranges', spec.loadBalancerSourceRanges.join(','))
  if (showEvents) writeEvents(out, await eventsOf(session, service), now)
}

const SHOWN_MAX = 3

/** The first ready addresses of a Service's port. */
function endpointsText(slices: readonly EndpointSlice[], { name = '' }: ServicePort): string {
  if (slices.length === 0) return '<none>'
  const found = slices.flatMap(({ endpoints, ports = [] }) =>
    ports
      .filter(port => (port.name ?? '') === name)
      .flatMap(({ port }) =>
        (endpoints ?? [])
          .filter(({ conditions }) => conditions?.ready !== false)
          .flatMap(({ addresses }) => addresses.map(address => `${address.includes(':') ? `[${address}]` : address}:${port}`)),
      ),
  )
  const more = found.length > SHOWN_MAX ? ` + ${found.length - SHOWN_MAX} more...` : ''
  return `${found.slice(0, SHOWN_MAX).join(',')}${more}`
}

export const describeEndpoints: Describer<Endpoints> = async (out, endpoints, { session, now, showEvents }) => {
  out.field(0, 'Name', endpoints.metadata.name)
  out.field(0, 'Namespace', endpoints.metadata.namespace)
  writeMap(out, 0, 'Labels', endpoints.metadata.labels)
  writeAnnotations(out, endpoints.metadata.annotations)
  out.line(0, 'Subsets:')
  for (const { addresses = [], notReadyAddresses = [], ports = [] } of endpoints.subsets ?? []) {
    out.field(1, 'Addresses', orNone(addresses.map(({ ip }) => ip).join(',')))
    out.field(1, 'NotReadyAddresses', orNone(notReadyAddresses.map(({ ip }) => ip).join(',')))
    if (ports.length > 0) {
      out.line(1, 'Ports:')
      out.line(2, 'Name', 'Port', 'Protocol')
      out.line(2, '----', '----', '--------')
      for (const { name, port, protocol = 'TCP' } of ports) out.line(2, name || '<unset>', port, protocol)
    }
    out.line(0)
  }
  if (showEvents) writeEvents(out, await eventsOf(session, endpoints), now)
}

export const describeEndpointSlice: Describer<EndpointSlice> = async (out, slice, { session, now, showEvents }) => {
  out.field(0, 'Name', slice.metadata.name)
  out.field(0, 'Namespace', slice.metadata.namespace)
  writeMap(out, 0, 'Labels', slice.metadata.labels)
  writeAnnotations(out, slice.metadata.annotations)
  out.field(0, 'AddressType', slice.addressType)
  if (slice.ports?.length) {
    out.line(0, 'Ports:')
    out.line(1, 'Name', 'Port', 'Protocol')
    out.line(1, '----', '----', '--------')
    for (const { name, port, protocol = 'TCP' } of slice.ports) out.line(1, name || '<unset>', port ?? '<unset>', protocol)
  } else out.field(0, 'Ports', '<unset>')
  if (slice.endpoints?.length) {
    out.line(0, 'Endpoints:')
    for (const { addresses, conditions, hostname, targetRef, nodeName, zone } of slice.endpoints) {
      out.line(1, `- Addresses:  ${addresses.join(', ')}`)
      out.line(2, 'Conditions:')
      out.field(3, 'Ready', conditions?.ready ?? '<unset>')
      out.field(2, 'Hostname', hostname ?? '<unset>')
      if (targetRef) out.field(2, 'TargetRef', `${targetRef.kind}/${targetRef.name}`)
      out.field(2, 'NodeName', nodeName ?? '<unset>')
      out.field(2, 'Zone', zone ?? '<unset>')
    }
  } else out.raw('Endpoints: <none>\n')
  if (showEvents) writeEvents(out, await eventsOf(session, slice), now)
}
