/**
 * What a question about the cluster's names is answered, after Kubernetes' DNS specification. Pure: the question, the zone,
 * and nothing else.
 */
import { isIPv4 } from 'node:net'
import type { Answer, Question, StringAnswer } from 'dns-packet'
import { type Cidr, contains, parseAddress } from '../ip/index.ts'
import type { DnsEndpoint, DnsPort, DnsService, Zone } from './zone.ts'

export interface ZoneConfig {
  /** Such as `cluster.local`. */
  readonly domain: string
  readonly podCidr: Cidr
  readonly serviceCidr: Cidr
}

export type Reply =
  | { readonly type: 'answer'; readonly exists: boolean; readonly answers: Answer[]; readonly additionals: Answer[] }
  /** Not a name of the cluster's. */
  | { readonly type: 'forward' }
  /** `answers` begins a chain that goes on outside of the cluster, at `target`. */
  | { readonly type: 'chase'; readonly answers: Answer[]; readonly target: string }

/** Seconds that others may remember an answer. Kubernetes' own: a rolling update must not be remembered for long. */
const TTL_SECONDS = 5

const VERSION = '1.1.0'
/** A chain of ExternalNames longer than this is a loop. */
const CHAIN_LENGTH_MAX = 8

export function answer(zone: Zone, config: ZoneConfig, { name, type }: Pick<Question, 'name' | 'type'>): Reply {
  const lower = name.toLowerCase().replace(/\.$/, '')
  const reversed = reversedAddress(lower)
  if (reversed !== undefined) return pointer(zone, config, { name, type, address: reversed })
  if (lower !== config.domain && !lower.endsWith(`.${config.domain}`)) return { type: 'forward' }
  const labels = lower.slice(0, -config.domain.length).split('.').filter(Boolean)
  const context = { zone, config, name, type, length: 0 }
  const [last] = labels.slice(-1)
  if (labels.length === 0) return found(type === 'SOA' ? [soa(config)] : type === 'NS' ? [nameServer(config)] : [])
  if (last === 'svc') return ofServices(context, labels.slice(0, -1))
  if (last === 'pod') return ofPods(context, labels.slice(0, -1))
  if (lower === `dns-version.${config.domain}`) return found(type === 'TXT' ? [{ type: 'TXT', name, ttl: TTL_SECONDS, data: VERSION }] : [])
  return missing
}

/** Goes into the authority section of every answer that says "no". */
export function soa({ domain }: ZoneConfig): Answer {
  const data = {
    mname: `ns.dns.${domain}`,
    rname: `hostmaster.${domain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86400,
    minimum: TTL_SECONDS,
  }
  return { type: 'SOA', name: domain, ttl: TTL_SECONDS, data }
}

interface Context {
  readonly zone: Zone
  readonly config: ZoneConfig
  /** As asked, letter by letter: some resolvers check. */
  readonly name: string
  readonly type: Question['type']
  readonly length: number
}

const missing: Reply = { type: 'answer', exists: false, answers: [], additionals: [] }

/** With no answers: the name exists, but has nothing of that type. */
function found(answers: Answer[], additionals: Answer[] = []): Reply {
  return { type: 'answer', exists: true, answers, additionals }
}

function nameServer({ domain }: ZoneConfig): StringAnswer {
  return { type: 'NS', name: domain, ttl: TTL_SECONDS, data: `ns.dns.${domain}` }
}

/** `labels` is what comes before `svc`. */
function ofServices(context: Context, labels: readonly string[]): Reply {
  const { zone } = context
  const [namespace, name, ...below] = labels.toReversed()
  if (namespace === undefined) return found([])
  if (name === undefined) return zone.hasNamespace(namespace) ? found([]) : missing
  const service = zone.service(namespace, name)
  if (!service) return missing
  if (service.type === 'external-name') return below.length === 0 ? external(context, service.target) : missing
  if (service.type === 'headless' && service.endpoints.length === 0) return missing
  const [first, second, ...rest] = below
  if (rest.length > 0) return missing
  if (first === undefined) return ofService(context, service)
  if (first.startsWith('_')) return named(context, service, { protocol: first.slice(1), port: second?.slice(1) })
  if (service.type !== 'headless' || second !== undefined) return missing
  const endpoints = service.endpoints.filter(({ hostname }) => hostname === first)
  return endpoints.length > 0
    ? found(
        addresses(
          context,
          endpoints.map(({ address }) => address),
        ),
      )
    : missing
}

type Addressed = Exclude<DnsService, { type: 'external-name' }>

function ofService(context: Context, service: Addressed): Reply {
  if (context.type === 'SRV') return servers(context, service, () => true)
  return found(addresses(context, service.type === 'headless' ? service.endpoints.map(({ address }) => address) : service.addresses))
}

/** `_port._protocol` below a Service. */
function named(context: Context, service: Addressed, { protocol, port }: { protocol: string; port: string | undefined }): Reply {
  const ports = service.type === 'headless' ? service.endpoints.flatMap(endpoint => endpoint.ports) : service.ports
  const matches = (candidate: DnsPort) => candidate.protocol === protocol && (port === undefined || candidate.name === port)
  if (!ports.some(matches)) return missing
  return port !== undefined && context.type === 'SRV' ? servers(context, service, matches) : found([])
}

function servers(context: Context, service: Addressed, matches: (port: DnsPort) => boolean): Reply {
  const base = `${service.name}.${service.namespace}.svc.${context.config.domain}`
  const server = (target: string, port: number): Answer => {
    const data = { priority: 0, weight: 100, port, target }
    return { type: 'SRV', name: context.name, ttl: TTL_SECONDS, data }
  }
  if (service.type === 'cluster-ip') {
    const answers = service.ports.filter(matches).map(({ port }) => server(base, port))
    return found(answers, answers.length > 0 ? addresses({ ...context, type: 'A', name: base }, service.addresses) : [])
  }
  const answers: Answer[] = []
  const additionals: Answer[] = []
  for (const { address, hostname, ports } of service.endpoints) {
    const target = `${hostname}.${base}`
    const own = ports.filter(matches).map(({ port }) => server(target, port))
    answers.push(...own)
    if (own.length > 0) additionals.push({ type: 'A', name: target, ttl: TTL_SECONDS, data: address })
  }
  return found(answers, additionals)
}

/** An alias. Resolvers in programs do not follow it themselves, so the answer goes on to the end of the chain. */
function external(context: Context, target: string): Reply {
  const alias: Answer = { type: 'CNAME', name: context.name, ttl: TTL_SECONDS, data: target }
  if (context.type === 'CNAME' || context.length >= CHAIN_LENGTH_MAX) return found([alias])
  const isOurs = target === context.config.domain || target.endsWith(`.${context.config.domain}`)
  if (!isOurs) return { type: 'chase', answers: [alias], target }
  const labels = target.slice(0, -context.config.domain.length - 1).split('.')
  const next =
    labels.at(-1) === 'svc'
      ? ofServices({ ...context, name: target, length: context.length + 1 }, labels.slice(0, -1))
      : answer(context.zone, context.config, { name: target, type: context.type })
  if (next.type === 'forward') return found([alias])
  if (next.type === 'chase') return { ...next, answers: [alias, ...next.answers] }
  return { ...next, answers: [alias, ...next.answers] }
}

/** `labels` is what comes before `pod`: `10-244-1-5.default`. */
function ofPods(context: Context, labels: readonly string[]): Reply {
  const [namespace, dashed, ...rest] = labels.toReversed()
  if (namespace === undefined) return found([])
  if (dashed === undefined) return context.zone.hasNamespace(namespace) ? found([]) : missing
  const address = dashed.replaceAll('-', '.')
  if (rest.length > 0 || !isIPv4(address) || !contains(context.config.podCidr, parseAddress(address))) return missing
  return found(addresses(context, [address]))
}

function addresses({ name, type }: Context, list: readonly string[]): Answer[] {
  if (type !== 'A' && (type as string) !== 'ANY') return []
  return list.map(data => ({ type: 'A', name, ttl: TTL_SECONDS, data }))
}

/** `4.3.2.1.in-addr.arpa` → `1.2.3.4`; undefined for any other name. */
function reversedAddress(lower: string): string | undefined {
  if (!lower.endsWith('.in-addr.arpa')) return undefined
  const address = lower.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.')
  return isIPv4(address) ? address : undefined
}

function pointer(
  zone: Zone,
  config: ZoneConfig,
  { name, type, address }: { name: string; type: Question['type']; address: string },
): Reply {
  const names = zone.namesOf(address)
  const number = parseAddress(address)
  const isOurs = contains(config.podCidr, number) || contains(config.serviceCidr, number)
  if (names.length === 0) return isOurs ? missing : { type: 'forward' }
  if (type !== 'PTR') return found([])
  return found(names.map(own => ({ type: 'PTR', name, ttl: TTL_SECONDS, data: `${own}.${config.domain}` })))
}

export type { DnsEndpoint }
