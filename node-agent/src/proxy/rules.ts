/**
 * Which traffic goes where, as a table: the one place that knows what a Service's fields mean. Pure. Renderers turn the table
 * into kernel rules or sockets.
 */
import { isIPv4 } from 'node:net'
import type { EndpointSlice, Service, ServicePort as ServicePortSpec } from '@davit/api'
import { hasClusterIp, serviceKeyOf } from './objects.ts'

export type Protocol = 'tcp' | 'udp' | 'sctp'

/** Where traffic is caught. */
export interface Frontend {
  /** Undefined: every address of this node, as for a NodePort. */
  readonly address: string | undefined
  readonly port: number
  /** `cluster`: callers may be sent to any endpoint; `local`: to this node's only. */
  readonly endpoints: 'cluster' | 'local'
  /** Callers may be outside of the cluster: answers must come back through this node, so its address is put in the caller's place (not for `local`). */
  readonly external: boolean
  /** Who may call; undefined: everybody. */
  readonly sourceRanges?: readonly string[]
}

/** One port of one Service. Endpoints are `address:port`, sorted. */
export interface ServicePort {
  /** `namespace/name:port`, the port by name, or by number when it has none. */
  readonly id: string
  readonly protocol: Protocol
  readonly frontends: readonly Frontend[]
  readonly cluster: readonly string[]
  readonly local: readonly string[]
  /** A caller comes back to the endpoint it had within so many seconds; undefined: no affinity. */
  readonly affinitySeconds: number | undefined
}

export interface ServiceTable {
  readonly ports: readonly ServicePort[]
  /** Addresses of this node's own endpoints, which must be able to reach themselves. */
  readonly localAddresses: readonly string[]
}

/** The node that the table is for. */
export interface ProxyNode {
  readonly name: string
  /** Addresses at which LoadBalancer Services are served. */
  readonly addresses: readonly string[]
  /** This node's resolver answers there itself; its port 53 is left alone. */
  readonly dnsAddress?: string
}

const AFFINITY_SECONDS_DEFAULT = 10_800

/** The whole table; ports in the order of their ids. */
export function rules(services: Iterable<Service>, endpointSlices: Iterable<EndpointSlice>, node: ProxyNode): ServiceTable {
  const slicesOf = groupByService(endpointSlices)
  const ports: ServicePort[] = []
  const addresses = new Set<string>()
  for (const service of services) {
    const slices = slicesOf.get(`${service.metadata.namespace}/${service.metadata.name}`) ?? []
    ports.push(...servicePorts(service, slices, node))
    for (const address of localAddresses(service, slices, node)) addresses.add(address)
  }
  return { ports: ports.sort((a, b) => (a.id < b.id ? -1 : 1)), localAddresses: [...addresses].sort() }
}

/** The part of the table that comes from one Service; `slices` are its own. */
export function servicePorts(service: Service, slices: readonly EndpointSlice[], node: ProxyNode): ServicePort[] {
  if (!hasClusterIp(service)) return []
  const { spec, metadata } = service
  const affinitySeconds =
    spec?.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_SECONDS_DEFAULT) : undefined
  return (spec?.ports ?? []).flatMap(port => {
    const frontends = frontendsOf(service, port, node)
    if (frontends.length === 0) return []
    const endpoints = endpointsOf(slices, port)
    const isLocal = (endpoint: Endpoint) => endpoint.nodeName === node.name
    return [
      {
        id: `${metadata.namespace}/${metadata.name}:${port.name || port.port}`,
        protocol: protocolOf(port.protocol),
        frontends,
        cluster: inService(endpoints),
        local: inService(endpoints.filter(isLocal)),
        affinitySeconds,
      },
    ]
  })
}

/** Addresses of endpoints of `slices` on this node. */
export function localAddresses(service: Service, slices: readonly EndpointSlice[], node: ProxyNode): string[] {
  if (!hasClusterIp(service)) return []
  return slices
    .filter(slice => slice.addressType === 'IPv4')
    .flatMap(slice => slice.endpoints ?? [])
    .filter(endpoint => endpoint.nodeName === node.name)
    .flatMap(endpoint => endpoint.addresses.slice(0, 1))
}

interface Endpoint {
  readonly target: string
  readonly nodeName: string | undefined
  readonly ready: boolean
  readonly servingWhileTerminating: boolean
}

/** Ready ones; when there are none, those that are on their way out and still serve: better than refusing. */
function inService(endpoints: readonly Endpoint[]): string[] {
  const ready = endpoints.filter(endpoint => endpoint.ready)
  const chosen = ready.length > 0 ? ready : endpoints.filter(endpoint => endpoint.servingWhileTerminating)
  return [...new Set(chosen.map(endpoint => endpoint.target))].sort()
}

function endpointsOf(slices: readonly EndpointSlice[], port: ServicePortSpec): Endpoint[] {
  const endpoints: Endpoint[] = []
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    for (const { name, protocol, port: number } of slice.ports ?? []) {
      if ((name ?? '') !== (port.name ?? '') || protocolOf(protocol) !== protocolOf(port.protocol) || number === undefined) continue
      for (const { addresses, conditions, nodeName } of slice.endpoints ?? []) {
        const address = addresses[0]
        if (address === undefined) continue
        endpoints.push({
          target: `${address}:${number}`,
          nodeName,
          // Not said means yes, as Kubernetes has it.
          ready: conditions?.ready ?? true,
          servingWhileTerminating: (conditions?.serving ?? false) && (conditions?.terminating ?? false),
        })
      }
    }
  }
  return endpoints
}

function frontendsOf({ spec, status }: Service, port: ServicePortSpec, node: ProxyNode): Frontend[] {
  const external = { external: true, endpoints: spec?.externalTrafficPolicy === 'Local' ? 'local' : 'cluster' } as const
  const internal = { external: false, endpoints: spec?.internalTrafficPolicy === 'Local' ? 'local' : 'cluster' } as const
  const isNodeExposed = spec?.type === 'NodePort' || spec?.type === 'LoadBalancer'
  const frontends: Frontend[] = []
  for (const address of spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? '']) {
    frontends.push({ address, port: port.port, ...internal })
  }
  for (const address of spec?.externalIPs ?? []) frontends.push({ address, port: port.port, ...external })
  if (spec?.type === 'LoadBalancer') {
    const given = (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip !== undefined && ipMode !== 'Proxy' ? [ip] : []))
    // A class of its own means that something else brings the traffic; without one, the nodes themselves are the load balancer.
    const addresses = spec.loadBalancerClass ? given : [...given, ...node.addresses]
    const ranges = spec.loadBalancerSourceRanges?.length ? { sourceRanges: spec.loadBalancerSourceRanges } : {}
    for (const address of new Set(addresses)) frontends.push({ address, port: port.port, ...external, ...ranges })
  }
  if (isNodeExposed && port.nodePort) frontends.push({ address: undefined, port: port.nodePort, ...external })
  const isOurs = ({ address, port }: Frontend) =>
    address === undefined || (isIPv4(address) && !(address === node.dnsAddress && port === 53))
  return frontends.filter(isOurs)
}

function protocolOf(protocol: string | undefined): Protocol {
  return protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
}

function groupByService(slices: Iterable<EndpointSlice>): Map<string, EndpointSlice[]> {
  const groups = new Map<string, EndpointSlice[]>()
  for (const slice of slices) {
    const key = serviceKeyOf(slice)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group) group.push(slice)
    else groups.set(key, [slice])
  }
  return groups
}
