/** The agent's flags. */
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { isDnsSubdomain, parseMilli, parseQuantity } from '@davit/api'

export interface AgentOptions {
  /** `https://host:port`, one or more. */
  readonly servers: readonly string[]
  readonly caHash: string | undefined
  readonly tokenFile: string | undefined
  readonly nodeName: string
  /** Left out: the address from which the API server is reached. */
  readonly nodeIp: string | undefined
  readonly dataDir: string
  /** Path of Docker's socket. */
  readonly dockerSocket: string
  readonly milliCpu: number | undefined
  readonly memoryBytes: number | undefined
  readonly reservedMilliCpu: number
  readonly reservedMemoryBytes: number
  readonly maxPods: number
  readonly labels: Readonly<Record<string, string>>
  /** Word from which the kernel's and Docker's names are made. */
  readonly networkName: string
  readonly logLevel: string
}

export const HELP = `Usage: node-agent --server URL --ca-hash HASH --token-file FILE [flags]
       node-agent cleanup --data-dir DIR [--docker unix:///PATH]

Makes this machine a node of a Davit cluster: runs pods on its Docker. Needs root.

Joining (only until this machine has its certificate):
  --server URL[,URL...]   API servers, such as https://10.0.0.1:6443. Required, also later.
  --ca-hash sha256:HEX    Hash of the public key of the cluster's CA.
  --token-file FILE       File with a join token; - reads it from standard input.

This node:
  --node-name NAME        (this machine's name)
  --node-ip ADDRESS       Address at which other nodes reach this one. (the one from which the API server is reached)
  --label NAME=VALUE      A label of the Node; may be repeated.
  --cpu N                 CPUs to report, such as 4 or 1500m. (what Docker reports)
  --memory BYTES          Memory to report, such as 8Gi. (what Docker reports)
  --reserved-cpu N, --reserved-memory BYTES
                          Kept from pods. (0)
  --max-pods N            (110)

Where things are:
  --data-dir DIR          Identity, checkpoints, volumes. (/var/lib/davit)
  --docker unix:///PATH   Docker's socket. (unix:///var/run/docker.sock)
  --network-name WORD     Names bridges and chains; different for clusters that share a kernel. (davit)

Other:
  --log-level LEVEL       trace, debug, info, warn or error. (info)
  --version, --help

cleanup removes what an agent left in Docker and in the kernel: containers, network, rules, mounts.
Exit codes: 0 stopped as asked, 1 failed or refused by the cluster, 2 wrong flags.
`

/** Thrown for flags that cannot be used; the message says which and why. */
export class UsageError extends Error {}

const FLAGS = {
  server: { type: 'string', multiple: true },
  'ca-hash': { type: 'string' },
  'token-file': { type: 'string' },
  'node-name': { type: 'string' },
  'node-ip': { type: 'string' },
  'data-dir': { type: 'string' },
  docker: { type: 'string' },
  cpu: { type: 'string' },
  memory: { type: 'string' },
  'reserved-cpu': { type: 'string' },
  'reserved-memory': { type: 'string' },
  'max-pods': { type: 'string' },
  label: { type: 'string', multiple: true },
  'network-name': { type: 'string' },
  'log-level': { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/** `withServer` false for `cleanup`, which needs none. Throws UsageError. */
export function parseOptions(args: readonly string[], { withServer = true } = {}): AgentOptions | 'help' | 'version' {
  const values = parsed(args)
  if (values.help) return 'help'
  if (values.version) return 'version'
  const servers = (values.server ?? []).flatMap(list => list.split(',')).filter(server => server !== '')
  if (withServer && servers.length === 0) throw new UsageError('--server is required: the URL of an API server')
  const nodeName = values['node-name'] ?? hostname().toLowerCase()
  const wrongName = isDnsSubdomain(nodeName)
  if (wrongName !== undefined) throw new UsageError(`--node-name "${nodeName}" cannot be used: ${wrongName}`)
  const caHash = values['ca-hash']
  if (caHash !== undefined && !/^sha256:[0-9a-f]{64}$/.test(caHash))
    throw new UsageError(`--ca-hash "${caHash}" must be sha256: and 64 hex digits`)
  return {
    servers: servers.map(checkedServer),
    caHash,
    tokenFile: values['token-file'],
    nodeName,
    nodeIp: values['node-ip'],
    dataDir: values['data-dir'] ?? '/var/lib/davit',
    dockerSocket: socketOf(values.docker ?? 'unix:///var/run/docker.sock'),
    milliCpu: values.cpu === undefined ? undefined : amount('--cpu', values.cpu, parseMilli),
    memoryBytes: values.memory === undefined ? undefined : amount('--memory', values.memory, parseQuantity),
    reservedMilliCpu: amount('--reserved-cpu', values['reserved-cpu'] ?? '0', parseMilli),
    reservedMemoryBytes: amount('--reserved-memory', values['reserved-memory'] ?? '0', parseQuantity),
    maxPods: amount('--max-pods', values['max-pods'] ?? '110', Number),
    labels: Object.fromEntries((values.label ?? []).map(labelOf)),
    networkName: values['network-name'] ?? 'davit',
    logLevel: values['log-level'] ?? 'info',
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false }).values
  } catch (err) {
    throw new UsageError(err instanceof Error ? err.message : String(err))
  }
}

function checkedServer(server: string): string {
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:')
    throw new UsageError(`--server "${server}" must be like https://10.0.0.1:6443`)
  return server.replace(/\/+$/, '')
}

function socketOf(docker: string): string {
  if (!docker.startsWith('unix://')) throw new UsageError(`--docker "${docker}" must be like unix:///var/run/docker.sock`)
  return docker.slice('unix://'.length)
}

function amount(flag: string, text: string, parse: (text: string) => number): number {
  let value: number
  try {
    value = parse(text)
  } catch {
    value = Number.NaN
  }
  if (!(value >= 0)) throw new UsageError(`${flag} "${text}" is not an amount`)
  return value
}

function labelOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`--label "${text}" must be NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}
