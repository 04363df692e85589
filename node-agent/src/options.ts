/** The agent's flags. */
import { hostname } from 'node:os'
import { parseArgs } from 'node:util'
import { DAVIT_VERSION, isDnsSubdomain, isQualifiedName, parseMilli, parseQuantity, parseTaint, type Taint } from '@davit/api'
import { NODE_FLAGS, NODE_HELP, type NodeSettings, nodeSettingsOf } from './node-options.ts'

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
  /** Processes and threads a container may have; 0: any number. */
  readonly podMaxPids: number
  readonly allowedUnsafeSysctls: readonly string[]
  /** Ids of devices, by resource name. */
  readonly devices: Readonly<Record<string, readonly string[]>>
  readonly node: NodeSettings
  readonly labels: Readonly<Record<string, string>>
  readonly taints: readonly Taint[]
  /** Word from which the kernel's and Docker's names are made. */
  readonly networkName: string
  readonly images: ImageFlags
  readonly logs: { readonly maxBytes: number; readonly maxFiles: number }
  readonly logLevel: string
}

export interface ImageFlags {
  /** A file like Docker's `config.json`. */
  readonly credentialsFile: string | undefined
  readonly parallelPullsMax: number
  readonly gc: {
    readonly scope: 'own' | 'all'
    readonly highPercent: number
    readonly lowPercent: number
    readonly pinned: readonly string[]
  }
}

export const HELP = `Usage: node-agent --server URL --ca-hash HASH --token-file FILE [flags]
       node-agent --config FILE [flags]
       node-agent install --server URL --ca-hash HASH --token-file FILE [flags]
       node-agent uninstall [--remove-volumes]
       node-agent service start|stop|restart|status
       node-agent cleanup --data-dir DIR [--docker unix:///PATH] [--remove-volumes]
       node-agent shutdown --data-dir DIR

Makes this machine a node of a Davit cluster: runs pods on its Docker. Needs root.

install joins the cluster, writes /etc/davit/node-agent.yaml and a unit of systemd (or an init script), and starts the agent; run again,
it changes only what is different, and joins again with a token where the node's certificate has ended. uninstall stops it and leaves
nothing of it behind: its containers go, too. service starts and stops what install made. cleanup removes what an agent left in Docker
and in the kernel: containers, network, rules, mounts. Both keep the data of claims, and say where it is, unless told --remove-volumes. shutdown
ends the node's pods in order because the machine goes down, and returns when they have ended; the agent does so by itself when systemd
stops the machine, and the init script asks for it.

Joining (only while this machine has no certificate that is good):
  --server URL[,URL...]   API servers, such as https://10.0.0.1:6443. Required, also later.
  --ca-hash sha256:HEX    Hash of the public key of the cluster's CA.
  --token-file FILE       File with a join token; - reads it from standard input.

This node:
  --node-name NAME        (this machine's name)
  --node-ip ADDRESS       Address at which other nodes reach this one. (the one from which the API server is reached)
  --label NAME=VALUE      A label of the Node; may be repeated.
  --taint KEY=VALUE:EFFECT
                          A taint the Node gets when it is made; may be repeated.
  --cpu N                 CPUs to report, such as 4 or 1500m. (what Docker reports)
  --memory BYTES          Memory to report, such as 8Gi. (what Docker reports)
  --reserved-cpu N, --reserved-memory BYTES
                          Kept from pods. (0)
  --max-pods N            (110)
  --pod-max-pids N        Processes and threads each container may have; 0: any number. (4096)
  --allowed-unsafe-sysctls NAME[,NAME...]
                          Sysctls that pods may set besides the safe ones; NAME may end in *. (none)
  --device-resource NAME=N|ID[,ID...]
                          Devices to give to pods that ask for them under resources.limits, such as nvidia.com/gpu=2: how many, numbered
                          from 0, or their ids. NVIDIA's go through Docker's nvidia runtime, others through CDI. May be repeated.

Images and logs:
  --image-credentials FILE
                          Logins of registries for all pods of this node, in the form of Docker's config.json. (none)
  --max-parallel-image-pulls N
                          (3)
  --image-gc own|all      Which images may be removed when the disk is full: those that this agent pulled, or all that nothing uses. (own)
  --image-gc-high-threshold PERCENT, --image-gc-low-threshold PERCENT
                          Above the one images are removed, least recently used first, until the other. 100 and 100: never. (85, 80)
  --pinned-image GLOB     Images whose names match stay; may be repeated. So do those with the label davit.dev/pinned=true.
  --container-log-max-size BYTES, --container-log-max-files N
                          Of each container's log. (10Mi, 5)

${NODE_HELP}
Where things are:
  --data-dir DIR          Identity, checkpoints, volumes. (/var/lib/davit)
  --docker unix:///PATH   Docker's socket. (unix:///var/run/docker.sock)
  --network-name WORD     Names bridges and chains; different for clusters that share a kernel. (davit)

Other:
  --config FILE           Flags from a YAML file: their names without dashes, such as "node-name: web-1". Flags given beside it count more.
  --log-level LEVEL       trace, debug, info, warn or error. (info)
  --version, --help

Exit codes: 0 stopped as asked, 1 failed or refused by the cluster, 2 wrong flags.
`

/** Thrown for flags that cannot be used; the message says which and why. */
export class UsageError extends Error {}

const FLAGS = {
  config: { type: 'string' },
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
  'pod-max-pids': { type: 'string' },
  'allowed-unsafe-sysctls': { type: 'string', multiple: true },
  'device-resource': { type: 'string', multiple: true },
  ...NODE_FLAGS,
  label: { type: 'string', multiple: true },
  taint: { type: 'string', multiple: true },
  'image-credentials': { type: 'string' },
  'max-parallel-image-pulls': { type: 'string' },
  'image-gc': { type: 'string' },
  'image-gc-high-threshold': { type: 'string' },
  'image-gc-low-threshold': { type: 'string' },
  'pinned-image': { type: 'string', multiple: true },
  'container-log-max-size': { type: 'string' },
  'container-log-max-files': { type: 'string' },
  'network-name': { type: 'string' },
  'log-level': { type: 'string' },
  version: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

type Flag = keyof typeof FLAGS
type OneFlag = Exclude<Flag, ManyFlag | 'version' | 'help'>
type ManyFlag = 'server' | 'label' | 'taint' | 'allowed-unsafe-sysctls' | 'device-resource' | 'pinned-image'

/** Flags as text, from a command line or a file. */
export type Settings = { [F in OneFlag]?: string } & { [F in ManyFlag]?: string[] }

/** What a file may say: all but what a command line is for. */
export const SETTINGS = (Object.keys(FLAGS) as Flag[]).filter(flag => !['config', 'version', 'help'].includes(flag))
export const isMany = (flag: string): flag is ManyFlag => flag in FLAGS && 'multiple' in FLAGS[flag as Flag]

/** What the flags are, before their values are looked at. Throws UsageError. */
export function parseFlags(args: readonly string[]): Settings & { help?: boolean; version?: boolean } {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true, allowPositionals: false }).values
  } catch (err) {
    throw new UsageError(err instanceof Error ? err.message : String(err))
  }
}

/** Prints what was asked for instead of work; gives the exit code. */
export function tell(what: 'help' | 'version'): number {
  process.stdout.write(what === 'help' ? HELP : `davit node-agent ${DAVIT_VERSION}\n`)
  return 0
}

/** For tests and for commands without a file: see optionsOf(). */
export function parseOptions(args: readonly string[], how?: { withServer?: boolean }): AgentOptions | 'help' | 'version' {
  const values = parseFlags(args)
  if (values.help) return 'help'
  return values.version ? 'version' : optionsOf(values, how)
}

/** `withServer` false for what needs none. `name` says how a user wrote a flag. Throws UsageError. */
export function optionsOf(
  values: Settings,
  { withServer = true, name = nameOfFlag }: { withServer?: boolean; name?: (flag: Flag) => string } = {},
) {
  const amountOf = (flag: OneFlag, otherwise: string, parse: (text: string) => number) =>
    amount(name(flag), values[flag] ?? otherwise, parse)
  const servers = (values.server ?? []).flatMap(list => list.split(',')).filter(server => server !== '')
  if (withServer && servers.length === 0) throw new UsageError(`${name('server')} is required: the URL of an API server`)
  const nodeName = values['node-name'] ?? hostname().toLowerCase()
  const wrongName = isDnsSubdomain(nodeName)
  if (wrongName !== undefined) throw new UsageError(`${name('node-name')} "${nodeName}" cannot be used: ${wrongName}`)
  const caHash = values['ca-hash']
  if (caHash !== undefined && !/^sha256:[0-9a-f]{64}$/.test(caHash))
    throw new UsageError(`${name('ca-hash')} "${caHash}" must be sha256: and 64 hex digits`)
  return {
    servers: servers.map(server => checkedServer(name('server'), server)),
    caHash,
    tokenFile: values['token-file'],
    nodeName,
    nodeIp: values['node-ip'],
    dataDir: values['data-dir'] ?? '/var/lib/davit',
    dockerSocket: socketOf(name('docker'), values.docker ?? 'unix:///var/run/docker.sock'),
    milliCpu: values.cpu === undefined ? undefined : amountOf('cpu', '', parseMilli),
    memoryBytes: values.memory === undefined ? undefined : amountOf('memory', '', parseQuantity),
    reservedMilliCpu: amountOf('reserved-cpu', '0', parseMilli),
    reservedMemoryBytes: amountOf('reserved-memory', '0', parseQuantity),
    maxPods: amountOf('max-pods', '110', Number),
    podMaxPids: amountOf('pod-max-pids', '4096', Number),
    allowedUnsafeSysctls: (values['allowed-unsafe-sysctls'] ?? []).flatMap(list => list.split(',')).filter(sysctl => sysctl !== ''),
    devices: Object.fromEntries((values['device-resource'] ?? []).map(text => devicesOf(name('device-resource'), text))),
    node: nodeSettingsOf(values, (flag, why) => {
      throw new UsageError(`${name(flag)}: ${why}`)
    }),
    labels: Object.fromEntries((values.label ?? []).map(label => labelOf(name('label'), label))),
    taints: (values.taint ?? []).map(taint => taintOf(name('taint'), taint)),
    networkName: values['network-name'] ?? 'davit',
    images: imageFlags(values, name),
    logs: {
      maxBytes: atLeast(1, name('container-log-max-size'), values['container-log-max-size'] ?? '10Mi', parseQuantity),
      maxFiles: atLeast(1, name('container-log-max-files'), values['container-log-max-files'] ?? '5', whole),
    },
    logLevel: values['log-level'] ?? 'info',
  } satisfies AgentOptions
}

function imageFlags(values: Settings, name: (flag: Flag) => string): ImageFlags {
  const percent = (flag: 'image-gc-high-threshold' | 'image-gc-low-threshold', otherwise: string) => {
    const value = amount(name(flag), values[flag] ?? otherwise, whole)
    if (value > 100) throw new UsageError(`${name(flag)} "${value}" must be at most 100`)
    return value
  }
  const [highPercent, lowPercent] = [percent('image-gc-high-threshold', '85'), percent('image-gc-low-threshold', '80')]
  if (lowPercent > highPercent || (lowPercent === highPercent && highPercent < 100))
    throw new UsageError(
      `${name('image-gc-low-threshold')} "${lowPercent}" must be less than ${name('image-gc-high-threshold')} "${highPercent}"`,
    )
  const scope = values['image-gc'] ?? 'own'
  if (scope !== 'own' && scope !== 'all') throw new UsageError(`${name('image-gc')} "${scope}" must be own or all`)
  return {
    credentialsFile: values['image-credentials'],
    parallelPullsMax: atLeast(1, name('max-parallel-image-pulls'), values['max-parallel-image-pulls'] ?? '3', whole),
    gc: { scope, highPercent, lowPercent, pinned: values['pinned-image'] ?? [] },
  }
}

function whole(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN
}

function atLeast(min: number, name: string, text: string, parse: (text: string) => number): number {
  const value = amount(name, text, parse)
  if (value < min) throw new UsageError(`${name} "${text}" must be at least ${min}`)
  return value
}

function nameOfFlag(flag: string): string {
  return `--${flag}`
}

function checkedServer(name: string, server: string): string {
  if (!URL.canParse(server) || new URL(server).protocol !== 'https:')
    throw new UsageError(`${name} "${server}" must be like https://10.0.0.1:6443`)
  return server.replace(/\/+$/, '')
}

function socketOf(name: string, docker: string): string {
  if (!docker.startsWith('unix://')) throw new UsageError(`${name} "${docker}" must be like unix:///var/run/docker.sock`)
  return docker.slice('unix://'.length)
}

function amount(name: string, text: string, parse: (text: string) => number): number {
  let value: number
  try {
    value = parse(text)
  } catch {
    value = Number.NaN
  }
  if (!(value >= 0)) throw new UsageError(`${name} "${text}" is not an amount`)
  return value
}

function devicesOf(name: string, text: string): [string, string[]] {
  const [resource = '', which = ''] = text.split('=')
  const ids = /^\d+$/.test(which) ? Array.from({ length: Number(which) }, (_, i) => String(i)) : which.split(',').filter(id => id !== '')
  if (!/^[^/]+\/[^/]+$/.test(resource) || isQualifiedName(resource) !== undefined || ids.length === 0)
    throw new UsageError(`${name} "${text}" must be like nvidia.com/gpu=2, or list ids`)
  return [resource, ids]
}

function labelOf(name: string, text: string): [string, string] {
  const at = text.indexOf('=')
  if (at < 1) throw new UsageError(`${name} "${text}" must be NAME=VALUE`)
  return [text.slice(0, at), text.slice(at + 1)]
}

function taintOf(name: string, text: string): Taint {
  try {
    return parseTaint(text)
  } catch {
    throw new UsageError(`${name} "${text}" must be KEY[=VALUE]:EFFECT, the effect NoSchedule, PreferNoSchedule or NoExecute`)
  }
}
