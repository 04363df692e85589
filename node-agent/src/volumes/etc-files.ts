/** The pod's own /etc/hosts and /etc/resolv.conf. Pure. */
import type { Pod } from '@davit/api'

const NAMESERVERS_MAX = 3
const SEARCHES_MAX = 32

/** The name a pod's processes see: its spec's hostname or its own name, at most 63 characters. */
export function podHostname(pod: Pod): string {
  return (pod.spec.hostname ?? pod.metadata.name ?? '').slice(0, 63).replace(/[-.]+$/, '')
}

/** `hostEntries`: the node's own file, for pods in its network. */
export function hostsFile(
  pod: Pod,
  { address, clusterDomain, hostEntries }: { address: string; clusterDomain: string; hostEntries?: string },
): string {
  const aliases = (pod.spec.hostAliases ?? []).map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`)
  const tail = aliases.length > 0 ? ['', '# Entries added by HostAliases.', ...aliases] : []
  if (hostEntries !== undefined)
    return `${['# Kubernetes-managed hosts file (host network).', hostEntries.trimEnd(), ...tail].join('\n')}\n`
  const { subdomain } = pod.spec
  const name = podHostname(pod)
  const full = subdomain ? `${name}.${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}\t` : ''
  const head = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${address}\t${full}${name}`,
  ]
  return `${[...head, ...tail].join('\n')}\n`
}

interface Resolver {
  nameservers: string[]
  searches: string[]
  options: string[]
}

/** By dnsPolicy and dnsConfig; `host`: the node's own resolv.conf. */
export function resolvConf(
  pod: Pod,
  { dnsAddress, clusterDomain, host }: { dnsAddress: string; clusterDomain: string; host: string },
): string {
  const { dnsPolicy = 'ClusterFirst', hostNetwork = false, dnsConfig = {} } = pod.spec
  const resolver = base(pod, dnsPolicy === 'ClusterFirst' && hostNetwork ? 'Default' : dnsPolicy, { dnsAddress, clusterDomain, host })
  const nameservers = unique([...resolver.nameservers, ...(dnsConfig.nameservers ?? [])]).slice(0, NAMESERVERS_MAX)
  const searches = unique([...resolver.searches, ...(dnsConfig.searches ?? [])]).slice(0, SEARCHES_MAX)
  const options = new Map(resolver.options.map(option => [option.split(':')[0] ?? option, option]))
  for (const { name = '', value } of dnsConfig.options ?? []) options.set(name, value === undefined ? name : `${name}:${value}`)
  const lines = nameservers.map(address => `nameserver ${address}`)
  if (searches.length > 0) lines.push(`search ${searches.join(' ')}`)
  if (options.size > 0) lines.push(`options ${[...options.values()].join(' ')}`)
  return `${lines.join('\n')}\n`
}

function base(
  pod: Pod,
  policy: string,
  { dnsAddress, clusterDomain, host }: { dnsAddress: string; clusterDomain: string; host: string },
): Resolver {
  if (policy === 'None') return { nameservers: [], searches: [], options: [] }
  const own = parseResolvConf(host)
  if (policy === 'Default') return own
  const cluster = [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain]
  return { nameservers: [dnsAddress], searches: [...cluster, ...own.searches], options: ['ndots:5'] }
}

function parseResolvConf(text: string): Resolver {
  const resolver: Resolver = { nameservers: [], searches: [], options: [] }
  for (const line of text.split('\n')) {
    const [word, ...rest] = line.trim().split(/\s+/)
    if (word === 'nameserver' && rest[0]) resolver.nameservers.push(rest[0])
    // The last one counts.
    else if (word === 'search') resolver.searches = rest.filter(domain => domain !== '.')
    else if (word === 'options') resolver.options = rest
  }
  return resolver
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)]
}
