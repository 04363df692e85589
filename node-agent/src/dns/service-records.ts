import type { EndpointSlice, Service } from '@davit/api'

export interface DnsPort {
  readonly name: string
  readonly protocol: 'tcp' | 'udp' | 'sctp'
  readonly port: number
}

export interface DnsEndpoint {
  readonly address: string
  /** What the endpoint is called below its Service's name. */
  readonly hostname: string
  readonly ports: readonly DnsPort[]
}

/** What names a Service has; plain data, as it travels to the process that answers. */
export type DnsService = {
  readonly namespace: string
  readonly name: string
} & (
  | { readonly type: 'cluster-ip'; readonly addresses: readonly string[]; readonly ports: readonly DnsPort[] }
  | { readonly type: 'headless'; readonly endpoints: readonly DnsEndpoint[] }
  | { readonly type: 'external-name'; readonly target: string }
)

/** The names of one Service, whose slices these are; undefined when it has none. Pure. */
export function dnsService(service: Service, slices: readonly EndpointSlice[]): DnsService | undefined {
  const { metadata, spec } = service
  const own = { namespace: metadata.namespace ?? '', name: metadata.name ?? '' }
  if (spec?.type === 'ExternalName') {
    return spec.externalName ? { ...own, type: 'external-name', target: spec.externalName.replace(/\.$/, '').toLowerCase() } : undefined
  }
  if (!spec?.clusterIP) return undefined
  if (spec.clusterIP === 'None') return { ...own, type: 'headless', endpoints: endpointsOf(slices, spec.publishNotReadyAddresses === true) }
  const addresses = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP]).filter(address => !address.includes(':'))
  return { ...own, type: 'cluster-ip', addresses, ports: (spec.ports ?? []).map(portOf) }
}

function endpointsOf(slices: readonly EndpointSlice[], withNotReady: boolean): DnsEndpoint[] {
  const byAddress = new Map<string, DnsEndpoint>()
  for (const slice of slices) {
    if (slice.addressType !== 'IPv4') continue
    const ports = (slice.ports ?? []).flatMap(port => (port.port === undefined ? [] : [portOf({ ...port, port: port.port })]))
    for (const { addresses, conditions, hostname } of slice.endpoints ?? []) {
      const address = addresses[0]
      if (address === undefined || !(withNotReady || (conditions?.ready ?? true))) continue
      const known = byAddress.get(address)
      const endpoint = { address, hostname: (hostname || address.replaceAll('.', '-')).toLowerCase(), ports }
      byAddress.set(
        address,
        known ? { ...endpoint, hostname: hostname ? endpoint.hostname : known.hostname, ports: [...known.ports, ...ports] } : endpoint,
      )
    }
  }
  return [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1))
}

function portOf({ name, protocol, port }: { name?: string | undefined; protocol?: string | undefined; port: number }): DnsPort {
  const lower = protocol === 'UDP' ? 'udp' : protocol === 'SCTP' ? 'sctp' : 'tcp'
  return { name: (name ?? '').toLowerCase(), protocol: lower, port }
}
