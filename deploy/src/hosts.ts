/**
 * Docker hosts on this one machine: each a network namespace with an address on a common bridge and a dockerd of its own.
 * They share the kernel, the processor and the memory, and nothing else.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { command } from './command.ts'
import { runningPid, startProcess, stopProcess } from './processes.ts'

export interface HostNetwork {
  /** Prefix of namespaces: `davit-` gives `davit-node-1`. */
  prefix: string
  /** Bridge in this machine's own namespace that joins the hosts; at most 15 characters. */
  bridge: string
  /** First three parts of the hosts' /24, such as `10.200.0`; this machine is `.1`, host I is `.1I`. */
  subnet: string
}

export const DEFAULT_HOST_NETWORK: HostNetwork = { prefix: 'davit-', bridge: 'davit-hosts', subnet: '10.200.0' }

export interface DockerHost {
  readonly name: string
  readonly index: number
  readonly networkNamespace: string
  readonly address: string
  readonly dir: string
  readonly socket: string
}

export interface HostOptions {
  network: HostNetwork
  /** Folder that holds a folder for each host. */
  dir: string
  logs: string
  run: string
  dockerdArgs?: readonly string[]
}

/** Where host `index` (from 1) is and what it is called; nothing is started. */
export function describeHost(index: number, { network, dir }: Pick<HostOptions, 'network' | 'dir'>): DockerHost {
  const name = `node-${index}`
  return {
    name,
    index,
    networkNamespace: `${network.prefix}${name}`,
    address: `${network.subnet}.${10 + index}`,
    dir: join(dir, name),
    socket: join(dir, name, 'docker.sock'),
  }
}

/** Makes the bridge that joins the hosts, reachable from this machine; idempotent. */
export async function ensureHostBridge(network: HostNetwork): Promise<void> {
  const { bridge, subnet } = network
  const exists = (await command('ip', ['link', 'show', bridge], { allowFailure: true })).code === 0
  if (!exists) {
    await assertSubnetFree(subnet)
    await command('ip', ['link', 'add', bridge, 'type', 'bridge'])
    await command('ip', ['addr', 'add', `${subnet}.1/24`, 'dev', bridge])
    await command('ip', ['link', 'set', bridge, 'up'])
  }
  await letOut(network)
  // A dockerd in this namespace sets the policy of FORWARD to DROP; hosts must still reach each other.
  for (const side of ['-i', '-o']) {
    const rule = ['FORWARD', side, bridge, '-j', 'ACCEPT']
    const present = (await command('iptables', ['-w', '-C', ...rule], { allowFailure: true })).code === 0
    if (!present) await command('iptables', ['-w', '-I', ...rule])
  }
}

const outRule = ({ bridge, subnet }: HostNetwork) => ['POSTROUTING', '-s', `${subnet}.0/24`, '!', '-o', bridge, '-j', 'MASQUERADE']

/** Hosts reach what this machine reaches, registries above all, in its name. */
async function letOut(network: HostNetwork): Promise<void> {
  const rule = outRule(network)
  const present = (await command('iptables', ['-w', '-t', 'nat', '-C', ...rule], { allowFailure: true })).code === 0
  if (!present) await command('iptables', ['-w', '-t', 'nat', '-A', ...rule])
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
}

async function assertSubnetFree(subnet: string): Promise<void> {
  const routes = (await command('ip', ['-4', 'route', 'show'])).stdout
  const taken = routes.split('\n').find(line => line.startsWith(`${subnet}.`))
  if (taken) throw new Error(`Cannot use ${subnet}.0/24 for the Docker hosts: this machine already has the route "${taken.trim()}"`)
}

/** Starts host `index` and waits until its Docker answers; idempotent. */
export async function startHost(index: number, options: HostOptions): Promise<DockerHost> {
  const host = describeHost(index, options)
  const { network } = options
  const link = linkOf(host, network)
  const namespaces = (await command('ip', ['netns', 'list'])).stdout.split('\n').map(line => line.split(' ')[0])
  if (!namespaces.includes(host.networkNamespace)) await command('ip', ['netns', 'add', host.networkNamespace])
  const inside = ['-n', host.networkNamespace]
  if ((await command('ip', [...inside, 'link', 'show', 'eth0'], { allowFailure: true })).code !== 0) {
    await command('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', host.networkNamespace])
    await command('ip', ['link', 'set', link, 'master', network.bridge, 'up'])
    await command('ip', [...inside, 'addr', 'add', `${host.address}/24`, 'dev', 'eth0'])
    await command('ip', [...inside, 'link', 'set', 'eth0', 'up'])
    await command('ip', [...inside, 'link', 'set', 'lo', 'up'])
    await command('ip', [...inside, 'route', 'add', 'default', 'via', `${network.subnet}.1`])
    // With forwarding off before its start dockerd sets the policy of FORWARD to DROP, as on an ordinary machine.
    await inHost(host, 'sh', ['-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward'])
  }
  await startDocker(host, options)
  return host
}

/** This machine's end of the host's link; 15 characters are the kernel's limit. */
function linkOf({ index }: DockerHost, { bridge }: HostNetwork): string {
  return `${bridge.slice(0, 12)}-${index}`
}

/** Runs a program in the host's network namespace. */
export function inHost(host: Pick<DockerHost, 'networkNamespace'>, file: string, args: readonly string[], options = {}) {
  return command('nsenter', [`--net=/run/netns/${host.networkNamespace}`, file, ...args], options)
}

/** Starts the host's dockerd (again) and waits until it answers. */
export async function startDocker(host: DockerHost, { logs, run, dockerdArgs = [] }: Omit<HostOptions, 'dir' | 'network'>): Promise<void> {
  const name = `dockerd-${host.networkNamespace}`
  if ((await runningPid(join(run, `${name}.pid`))) === undefined) {
    await mkdir(host.dir, { recursive: true })
    // A killed dockerd leaves these behind, and a number that now belongs to another process stops the next start.
    await rm(join(host.dir, 'docker.pid'), { force: true })
    await rm(join(host.dir, 'exec/containerd/containerd.pid'), { force: true })
    const at = (part: string) => join(host.dir, part)
    const args = ['--data-root', at('data'), '--exec-root', at('exec'), '-H', `unix://${host.socket}`, '--pidfile', at('docker.pid')]
    args.push('--bip', '172.17.0.1/16', '--live-restore', ...dockerdArgs)
    await startProcess({ name, file: 'dockerd', args, logs, run, networkNamespace: host.networkNamespace })
  }
  const deadline = performance.now() + 30_000
  while ((await command('docker', ['-H', `unix://${host.socket}`, 'version'], { allowFailure: true })).code !== 0) {
    if (performance.now() > deadline)
      throw new Error(`Cannot start Docker on ${host.name}: it did not answer within 30 s; see ${join(logs, `${name}.log`)}`)
    if ((await runningPid(join(run, `${name}.pid`))) === undefined)
      throw new Error(`Cannot start Docker on ${host.name}: it exited; see ${join(logs, `${name}.log`)}`)
    await delay(100)
  }
}

/** Stops the host's dockerd only; containers go on with live-restore. */
export async function stopDocker(host: DockerHost, { run }: Pick<HostOptions, 'run'>): Promise<void> {
  await stopProcess(join(run, `dockerd-${host.networkNamespace}.pid`), { graceMs: 20_000 })
}

/** As a power cut: everything of the host is killed at once and its link goes down. Data stays. */
export async function crashHost(host: DockerHost): Promise<void> {
  await command('ip', ['-n', host.networkNamespace, 'link', 'set', 'eth0', 'down'], { allowFailure: true })
  for (let round = 0; round < 10; round++) {
    const pids = await processesOf(host)
    if (pids.length === 0) return
    for (const pid of pids) kill(pid)
    await delay(50)
  }
}

/** Brings back the link of a crashed host. */
export async function relinkHost(host: DockerHost, { subnet }: HostNetwork): Promise<void> {
  await command('ip', ['-n', host.networkNamespace, 'link', 'set', 'eth0', 'up'])
  await command('ip', ['-n', host.networkNamespace, 'route', 'replace', 'default', 'via', `${subnet}.1`])
}

/** Stops everything on the host and takes away its namespace; with `purge` its data too. */
export async function removeHost(host: DockerHost, options: HostOptions & { purge?: boolean }): Promise<void> {
  await crashHost(host)
  await rm(join(options.run, `dockerd-${host.networkNamespace}.pid`), { force: true })
  await unmountBelow(host.dir)
  // The namespace itself may live on for a while in what the kernel still has to clear; its link must not.
  await command('ip', ['link', 'del', linkOf(host, options.network)], { allowFailure: true })
  await command('ip', ['netns', 'del', host.networkNamespace], { allowFailure: true })
  if (options.purge) await rm(host.dir, { recursive: true, force: true })
}

/** Takes away the bridge and the rules for it. */
export async function removeHostBridge(network: HostNetwork): Promise<void> {
  const { bridge } = network
  await command('iptables', ['-w', '-t', 'nat', '-D', ...outRule(network)], { allowFailure: true })
  for (const side of ['-i', '-o']) await command('iptables', ['-w', '-D', 'FORWARD', side, bridge, '-j', 'ACCEPT'], { allowFailure: true })
  await command('ip', ['link', 'del', bridge], { allowFailure: true })
}

/** Unmounts everything mounted below `dir`, innermost first. */
export async function unmountBelow(dir: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map(line => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter(point => point.startsWith(`${dir}/`))
  for (const point of mounts.reverse()) await command('umount', ['-l', point], { allowFailure: true })
}

/** Processes in the host's network namespace, its containers' namespaces, and the shims and daemons that name its folder. */
async function processesOf(host: DockerHost): Promise<number[]> {
  const inNamespace = (await command('ip', ['netns', 'pids', host.networkNamespace], { allowFailure: true })).stdout
  const pids = new Set(inNamespace.split('\n').filter(Boolean).map(Number))
  const parents = new Map<number, number>()
  for (const entry of await readdir('/proc')) {
    const pid = Number(entry)
    if (!Number.isInteger(pid)) continue
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z') continue
    parents.set(pid, Number(fields[1]))
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (commandLine.split('\0').some(argument => argument.includes(`${host.dir}/`)) && pid !== process.pid) pids.add(pid)
  }
  // A container's processes are children of a shim that names the host's folder.
  for (let grown = true; grown; ) {
    grown = false
    for (const [pid, parent] of parents) {
      if (!pids.has(pid) && pids.has(parent)) {
        pids.add(pid)
        grown = true
      }
    }
  }
  pids.delete(process.pid)
  return [...pids].filter(pid => parents.has(pid))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself in between.
  }
}
