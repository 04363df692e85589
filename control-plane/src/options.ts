/** The control plane's flags. */

import { hostname } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { NETWORKS, parseDuration } from '@davit/api'

export const ROLES = ['apiserver', 'controllers', 'scheduler'] as const
export type Role = (typeof ROLES)[number]

export interface ControlPlaneOptions {
  readonly dataDir: string
  /** Where the cluster's keys and certificates are. */
  readonly pkiDir: string
  /** Where the certificates of this machine's etcd members are; this process renews them. */
  readonly etcdPkiDir?: string
  /** Of what the control plane renews for itself, and of the certificates it gives to nodes. */
  readonly certificateLifetimeMs: number
  readonly nodeCertificateLifetimeMs: number
  readonly port: number
  readonly bindAddress: string
  /** Where others reach this API server. */
  readonly advertiseAddress: string
  readonly etcd: 'embedded' | EtcdMembers
  readonly roles: ReadonlySet<Role>
  /** API servers that controllers and scheduler talk to when this process is none. */
  readonly servers: readonly string[]
  readonly tlsSans: readonly string[]
  readonly podCidr: string
  readonly serviceCidr: string
  readonly dnsAddress: string
  readonly nodePorts: readonly [number, number]
  /** Requests served at once, watches and streams not counted; Kubernetes divides them among levels by their shares. */
  readonly requestsInFlightMax: number
  /** Tells this process from all others; its host name by default. */
  readonly name: string
  readonly logLevel: string
}

export interface EtcdMembers {
  readonly urls: readonly string[]
  /** Paths of PEM files. */
  readonly certificateAuthority?: string
  readonly certificate?: string
  readonly key?: string
}

export const HELP = `Usage: control-plane --data-dir DIR [flags]
       control-plane health [--port PORT] [--pki-dir DIR]     Exit code 0 when the API server on this machine is ready.

Runs Davit's control plane: the API server, the controllers and the scheduler, with an etcd of its own.
It writes DIR/admin.kubeconfig; try it with:  kubectl --kubeconfig DIR/admin.kubeconfig get nodes

Where things are:
  --data-dir DIR            State: etcd's data, keys and certificates, admin.kubeconfig. Required.
  --pki-dir DIR             The cluster's keys and certificates; what is missing is made. (DATA-DIR/pki)
  --bind-address ADDRESS    Address to listen on. (0.0.0.0)
  --port PORT               Port of the API, HTTPS. (6443)
  --advertise-address IP    Address at which agents and other replicas reach this one. (the first of this machine's)
  --tls-san NAME            A further host name or address of the API for its certificate; may be repeated.
  --name NAME               Name of this replica, different from all others'. (this machine's name)
  --certificate-lifetime DURATION
                            Of the control plane's and etcd's certificates, such as 365d or 12h; renewed when a third is left. (365d)
  --node-certificate-lifetime DURATION
                            Of the nodes' certificates. (90d)

Storage:
  --etcd embedded           Run one etcd member as a child process, data in DIR/etcd. Means one replica. (default)
  --etcd URL[,URL...]       Use this etcd cluster; any number of replicas may share it.
  --etcd-ca FILE            CA of etcd's certificates. (PKI-DIR/etcd-ca.pem, for https)
  --etcd-cert FILE, --etcd-key FILE
                            This replica's client certificate and key for etcd. (PKI-DIR/etcd-client.pem holds both, for https)
  --etcd-pki-dir DIR        Certificates of this machine's own etcd members, renewed by this process.

What runs here:
  --run ROLE[,ROLE...]      Any of apiserver, controllers, scheduler. (all)
  --server URL[,URL...]     API servers, when this process is none itself. (https://127.0.0.1:PORT)

Networks, fixed once the cluster runs:
  --pod-cidr CIDR           Addresses of pods; each node gets a /24 of it. (${NETWORKS.pods})
  --service-cidr CIDR       Addresses of Services; the tenth is the cluster's DNS. (${NETWORKS.services})
  --node-ports FROM-TO      Ports of NodePort Services. (${NETWORKS.nodePorts.join('-')})

Requests served at once, divided among priority levels (watches and streams are not counted):
  --max-requests-inflight N           (400)
  --max-mutating-requests-inflight N  Added to the other: both are one number. (200)

Other:
  --log-level LEVEL         trace, debug, info, warn or error. (info)
  --version, --help

Signals: SIGTERM and SIGINT end requests, release leadership and stop etcd; a second one ends at once.
Exit codes: 0 stopped as asked, 1 failed, 2 wrong flags, 3 port in use, 4 data directory not usable, 5 etcd not usable.
`

/** Thrown for flags that cannot be used; the message says which and why. */
export class UsageError extends Error {}

/** What the flags ask for; `help` and `version` when nothing is to be run. Throws UsageError. */
export function parseOptions(args: readonly string[], addresses: readonly string[]): ControlPlaneOptions | 'help' | 'version' {
  const { values } = parse(args)
  if (values.help) return 'help'
  if (values.version) return 'version'
  if (!values['data-dir']) throw new UsageError('--data-dir is required: the directory for etcd, keys and admin.kubeconfig')
  const port = portOf('--port', values.port ?? '6443')
  const serviceCidr = cidrOf('--service-cidr', values['service-cidr'] ?? NETWORKS.services)
  const bindAddress = values['bind-address'] ?? '0.0.0.0'
  const isAny = bindAddress === '0.0.0.0' || bindAddress === '::'
  const pkiDir = values['pki-dir'] ?? join(values['data-dir'], 'pki')
  const etcdPkiDir = values['etcd-pki-dir']
  return {
    dataDir: values['data-dir'],
    pkiDir,
    ...(etcdPkiDir && { etcdPkiDir }),
    certificateLifetimeMs: lifetimeOf('--certificate-lifetime', values['certificate-lifetime'] ?? '365d'),
    nodeCertificateLifetimeMs: lifetimeOf('--node-certificate-lifetime', values['node-certificate-lifetime'] ?? '90d'),
    port,
    bindAddress,
    advertiseAddress: values['advertise-address'] ?? (isAny ? (addresses[0] ?? '127.0.0.1') : bindAddress),
    etcd: etcdOf(values.etcd ?? 'embedded', values, pkiDir),
    roles: rolesOf(values.run ?? ROLES.join(',')),
    servers: (values.server ?? `https://127.0.0.1:${port}`).split(','),
    tlsSans: values['tls-san'] ?? [],
    podCidr: cidrOf('--pod-cidr', values['pod-cidr'] ?? NETWORKS.pods),
    serviceCidr,
    dnsAddress: addressIn(serviceCidr, 10),
    nodePorts: nodePortsOf(values['node-ports'] ?? NETWORKS.nodePorts.join('-')),
    requestsInFlightMax:
      countOf('--max-requests-inflight', values['max-requests-inflight'] ?? '400') +
      countOf('--max-mutating-requests-inflight', values['max-mutating-requests-inflight'] ?? '200'),
    name: values.name ?? hostname(),
    logLevel: oneOf('--log-level', values['log-level'] ?? 'info', ['trace', 'debug', 'info', 'warn', 'error']),
  }
}

type Values = ReturnType<typeof parse>['values']

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...args],
      options: {
        'data-dir': text,
        'pki-dir': text,
        'certificate-lifetime': text,
        'node-certificate-lifetime': text,
        'bind-address': text,
        port: text,
        'advertise-address': text,
        'tls-san': { type: 'string', multiple: true },
        name: text,
        etcd: text,
        'etcd-ca': text,
        'etcd-cert': text,
        'etcd-key': text,
        'etcd-pki-dir': text,
        run: text,
        server: text,
        'pod-cidr': text,
        'service-cidr': text,
        'node-ports': text,
        'max-requests-inflight': text,
        'max-mutating-requests-inflight': text,
        'log-level': text,
        version: flag,
        help: flag,
      },
    })
  } catch (err) {
    throw new UsageError((err as Error).message)
  }
}

function etcdOf(text: string, values: Values, pkiDir: string): ControlPlaneOptions['etcd'] {
  if (text === 'embedded') return 'embedded'
  const urls = text.split(',')
  for (const url of urls) {
    if (!/^https?:\/\/[^/\s]+$/.test(url))
      throw new UsageError(`--etcd: ${JSON.stringify(url)} is neither "embedded" nor a URL such as https://10.0.0.1:2379`)
  }
  if (!urls.some(url => url.startsWith('https:'))) return { urls }
  const client = join(pkiDir, 'etcd-client.pem')
  const {
    'etcd-ca': certificateAuthority = join(pkiDir, 'etcd-ca.pem'),
    'etcd-cert': certificate = client,
    'etcd-key': key = client,
  } = values
  return { urls, certificateAuthority, certificate, key }
}

function rolesOf(text: string): ReadonlySet<Role> {
  return new Set(text.split(',').map(role => oneOf('--run', role, ROLES)))
}

function oneOf<const V extends string>(flag: string, value: string, values: readonly V[]): V {
  const found = values.find(candidate => candidate === value)
  if (found === undefined) throw new UsageError(`${flag}: ${JSON.stringify(value)} is none of ${values.join(', ')}`)
  return found
}

const DAY_MS = 24 * 60 * 60 * 1000
/** Shorter ones would end between two looks at them. */
const LIFETIME_MS_MIN = 10_000
const LIFETIME_MS_MAX = 3650 * DAY_MS

function lifetimeOf(flag: string, text: string): number {
  const [, days] = /^(\d+)d$/.exec(text) ?? []
  const ms = days === undefined ? durationOf(text) : Number(days) * DAY_MS
  if (ms >= LIFETIME_MS_MIN && ms <= LIFETIME_MS_MAX) return ms
  throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a time from 10s to 3650d, such as 365d or 12h`)
}

function durationOf(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    return Number.NaN
  }
}

function portOf(flag: string, text: string): number {
  const port = Number(text)
  if (!/^\d{1,5}$/.test(text) || port > 65_535) throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a port (0-65535)`)
  return port
}

function countOf(flag: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a number from 1 to 999999`)
  return Number(text)
}

function nodePortsOf(text: string): readonly [number, number] {
  const [first, last, ...rest] = text.split('-').map(part => portOf('--node-ports', part))
  if (!first || !last || rest.length > 0 || first > last)
    throw new UsageError(`--node-ports: ${JSON.stringify(text)} is not a range such as 30000-32767`)
  return [first, last]
}

const CIDR = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/

function cidrOf(flag: string, text: string): string {
  const [length = 0, ...octets] = (CIDR.exec(text)?.slice(1).map(Number) ?? []).reverse()
  const isGood = octets.every(octet => octet <= 255) && length >= 8 && length <= 24
  if (!isGood) throw new UsageError(`${flag}: ${JSON.stringify(text)} is not an IPv4 range of /8 to /24 such as 10.96.0.0/12`)
  return text
}

/** The address so many after the first of a range. */
function addressIn(cidr: string, offset: number): string {
  const [a = 0, b = 0, c = 0, d = 0, length = 0] = (CIDR.exec(cidr)?.slice(1) ?? []).map(Number)
  const mask = (0xffff_ffff << (32 - length)) >>> 0
  const address = ((((a << 24) | (b << 16) | (c << 8) | d) & mask) >>> 0) + offset
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 0xff).join('.')
}
