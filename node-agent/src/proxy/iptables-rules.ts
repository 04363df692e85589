/**
 * From the table to iptables' words, in the layout that stays fast with ten thousand Services: one chain a service port with
 * its DNATs in it, reached through one chain a /24 of service addresses, so that a new connection passes tens of rules, not
 * thousands. Rules are written as iptables-save prints them, so that what is in the kernel can be compared as text. Pure.
 */
import { createHash } from 'node:crypto'
import type { Frontend, ServicePort } from './rules.ts'

export interface RenderContext {
  readonly chainPrefix: string
  readonly clusterCidr: string
  readonly serviceCidr: string
}

/** `nat/DAVIT-S-…`, `filter/…`. */
export type ChainKey = `${'nat' | 'filter'}/${string}`

/** What one service port adds: chains of its own, and rules to chains it shares with others. */
export interface RenderedPort {
  readonly own: ReadonlyMap<ChainKey, readonly string[]>
  readonly shared: ReadonlyMap<ChainKey, readonly string[]>
}

const MARK = '-j MARK --set-xmark 0x4000/0x4000'

export function renderPort(port: ServicePort, { chainPrefix, clusterCidr }: RenderContext): RenderedPort {
  const hash = hashOf(`${port.id}/${port.protocol}`)
  const chain = (kind: string) => `${chainPrefix}${kind}-${hash}`
  const own = new Map<ChainKey, string[]>()
  const shared = new Map<ChainKey, string[]>()
  const share = (key: ChainKey, rule: string) => {
    const rules = shared.get(key)
    if (rules) rules.push(rule)
    else shared.set(key, [rule])
  }
  const group = (kind: 'D' | 'R', address: string): string => `${chainPrefix}${kind}-${groupOf(address)}`

  /** Rules that lead to a frontend: in the chain of its address' /24, or among the node's ports. */
  const lead = ({ address, port: number }: Frontend, target: string) => {
    const match = `-p ${port.protocol} -m ${port.protocol} --dport ${number}`
    if (address === undefined) share(`nat/${chainPrefix}NODEPORTS`, `${match} -j ${target}`)
    else share(`nat/${group('D', address)}`, `-d ${address}/32 ${match} -j ${target}`)
  }
  const refuse = ({ address, port: number }: Frontend, verdict: string) => {
    const match = `-p ${port.protocol} -m ${port.protocol} --dport ${number}`
    if (address === undefined) share(`filter/${chainPrefix}REFUSED-PORTS`, `${match} ${verdict}`)
    else share(`filter/${group('R', address)}`, `-d ${address}/32 ${match} ${verdict}`)
  }

  const clusterChain = () => {
    own.set(`nat/${chain('S')}`, [`! -s ${clusterCidr} ${MARK}`, ...balance(port, port.cluster, chain('S'))])
    return chain('S')
  }
  const localChain = () => {
    own.set(`nat/${chain('L')}`, balance(port, port.local, chain('L')))
    return chain('L')
  }

  for (const frontend of port.frontends) {
    if (port.cluster.length === 0) {
      refuse(frontend, rejectOf(port))
      continue
    }
    if (!frontend.external) {
      if (frontend.endpoints === 'cluster') lead(frontend, clusterChain())
      else if (port.local.length > 0) lead(frontend, localChain())
      else refuse(frontend, '-j DROP')
      continue
    }
    own.set(`nat/${chain('E')}`, externalRules({ frontend, port, clusterCidr, cluster: clusterChain(), local: localChain }))
    // Callers who may not, and those a node without local endpoints must not serve, are still addressed to the frontend when they reach the filter.
    if (frontend.endpoints === 'local' && port.local.length === 0) refuse(frontend, '-j DROP')
    if (!frontend.sourceRanges) {
      lead(frontend, chain('E'))
      continue
    }
    own.set(
      `nat/${chain('W')}`,
      frontend.sourceRanges.map(range => (range.endsWith('/0') ? `-j ${chain('E')}` : `-s ${range} -j ${chain('E')}`)),
    )
    lead(frontend, chain('W'))
    refuse(frontend, '-j DROP')
  }
  return { own, shared }
}

interface External {
  readonly frontend: Frontend
  readonly port: ServicePort
  readonly clusterCidr: string
  readonly cluster: string
  readonly local: () => string
}

function externalRules({ frontend, port, clusterCidr, cluster, local }: External): string[] {
  if (frontend.endpoints === 'cluster') return [MARK, `-j ${cluster}`]
  // `Local` is a promise to those outside; pods and the node itself may go anywhere.
  return [
    `-s ${clusterCidr} -j ${cluster}`,
    `-m addrtype --src-type LOCAL ${MARK}`,
    `-m addrtype --src-type LOCAL -j ${cluster}`,
    ...(port.local.length > 0 ? [`-j ${local()}`] : []),
  ]
}

/** An endpoint at random; with affinity, first the one that the caller had. */
function balance({ protocol, affinitySeconds }: ServicePort, endpoints: readonly string[], chain: string): string[] {
  const target = (endpoint: string) => `-j DNAT --to-destination ${endpoint}`
  const list = (endpoint: string) => `--name ${chain}-${hashOf(endpoint)} --mask 255.255.255.255 --rsource`
  const returning =
    affinitySeconds === undefined
      ? []
      : endpoints.map(
          endpoint => `-p ${protocol} -m recent --update --seconds ${affinitySeconds} --reap ${list(endpoint)} ${target(endpoint)}`,
        )
  const fresh = endpoints.map((endpoint, index) => {
    const left = endpoints.length - index
    const chance = left > 1 ? `-m statistic --mode random --probability ${probability(1 / left)} ` : ''
    const remember = affinitySeconds === undefined ? '' : `-m recent --set ${list(endpoint)} `
    return `-p ${protocol} ${chance}${remember}${target(endpoint)}`
  })
  return [...returning, ...fresh]
}

/** As the kernel keeps it: 31 bits. */
function probability(value: number): string {
  return (Math.round(value * 2 ** 31) / 2 ** 31).toFixed(11)
}

/** A reset is answered at once; ICMP is rate-limited to about one a second for each caller. */
function rejectOf({ protocol }: ServicePort): string {
  return protocol === 'tcp' ? '-j REJECT --reject-with tcp-reset' : '-j REJECT --reject-with icmp-port-unreachable'
}

/** Short enough for a chain's name (28 characters). */
function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12).toUpperCase()
}

/** The /24 of an address, as six hexadecimal digits. */
function groupOf(address: string): string {
  return address
    .split('.')
    .slice(0, 3)
    .map(part => Number(part).toString(16).padStart(2, '0').toUpperCase())
    .join('')
}

/** The chains that lead to all others, given which shared chains there are. */
export function renderRoots(sharedChains: Iterable<ChainKey>, { chainPrefix, serviceCidr }: RenderContext): Map<ChainKey, string[]> {
  const services: string[] = []
  const filter: string[] = []
  for (const key of [...sharedChains].sort()) {
    const [table, chain = ''] = key.split('/')
    const group = chain.slice(chainPrefix.length)
    if (!/^[DR]-/.test(group)) continue
    ;(table === 'nat' ? services : filter).push(`-d ${rangeOf(group.slice(2))} -j ${chain}`)
  }
  const nowhere = (protocol: string, answer: string) =>
    `-d ${serviceCidr} -p ${protocol} -m addrtype ! --dst-type LOCAL -j REJECT --reject-with ${answer}`
  return new Map<ChainKey, string[]>([
    [
      `nat/${chainPrefix}SERVICES`,
      [...services, ...['NODEPORTS', 'HOSTPORTS'].map(chain => `! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j ${chainPrefix}${chain}`)],
    ],
    [
      `filter/${chainPrefix}FILTER`,
      [
        ...filter,
        `-m addrtype --dst-type LOCAL -j ${chainPrefix}REFUSED-PORTS`,
        // An address that belongs to no Service would otherwise be looked for on the bridge for seconds.
        nowhere('tcp', 'tcp-reset'),
        nowhere('udp', 'icmp-port-unreachable'),
      ],
    ],
  ])
}

function rangeOf(group: string): string {
  return `${[0, 2, 4].map(at => Number.parseInt(group.slice(at, at + 2), 16)).join('.')}.0/24`
}

/** A pod that reaches itself through a Service must see another address than its own, or it answers itself past the bridge. */
export function renderHairpin(addresses: Iterable<string>): string[] {
  return [...addresses].sort().map(address => `-s ${address}/32 -d ${address}/32 -j MASQUERADE`)
}
