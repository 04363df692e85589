/** The processes of a cluster on this machine: one control plane with its etcd, and an agent for each Docker host. */
import { access, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  type Client,
  connectHttp,
  createJoinToken,
  type HttpClient,
  isReason,
  nodeCondition,
  nodeKind,
  publicKeyHash,
  systemClock,
} from '@davit/api'
import { parse } from 'yaml'
import { command } from './command.ts'
import type { Home } from './home.ts'
import type { DockerHost } from './hosts.ts'
import { logFileOf, runningPid, startProcess, stopProcess } from './processes.ts'

/** Young objects die young here: a small nursery costs little time and keeps a fifth of the memory. Megabytes. */
const NODE_FLAGS = ['--max-semi-space-size=2']
const CONTROL_PLANE = fileURLToPath(new URL('../../control-plane/dist/main.js', import.meta.url))
const NODE_AGENT = fileURLToPath(new URL('../../node-agent/dist/main.js', import.meta.url))
const OWN_CONTROL_PLANE = [process.execPath, ...NODE_FLAGS, CONTROL_PLANE]
const OWN_AGENT = [process.execPath, ...NODE_FLAGS, NODE_AGENT]

export interface ControlPlaneOptions {
  home: Home
  port: number
  /** Address at which agents and pods reach the API. */
  address: string
  /** Names and addresses the API's certificate is good for, besides `address`. */
  serverNames?: readonly string[]
  /** What to run, and its first arguments; left out: this build's control plane, with this Node. */
  program?: readonly string[]
  extraArgs?: readonly string[]
}

/** Starts the control plane unless it runs, waits until it is ready, and leaves the administrator's kubeconfig in the home. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<void> {
  const { home, port, address, serverNames = [], program = OWN_CONTROL_PLANE, extraArgs = [] } = options
  if (program === OWN_CONTROL_PLANE)
    await access(CONTROL_PLANE).catch(() => {
      throw new Error(
        'There is no control plane here to start: "davit up" works in a checkout of Davit. For machines of your own: davit init',
      )
    })
  await mkdir(home.dir, { recursive: true, mode: 0o700 })
  const pidFile = join(home.run, 'control-plane.pid')
  if ((await runningPid(pidFile)) === undefined) await assertPortFree(port)
  const [file = '', ...args] = [
    ...program,
    '--data-dir',
    home.dir,
    '--port',
    String(port),
    '--bind-address',
    '0.0.0.0',
    '--etcd',
    'embedded',
  ]
  args.push('--advertise-address', address, ...serverNames.flatMap(name => ['--tls-san', name]), ...extraArgs)
  await startProcess({ name: 'control-plane', file, args, logs: home.logs, run: home.run })
  const deadline = performance.now() + 60_000
  for (;;) {
    if (await isReady(home).catch(() => false)) return
    if ((await runningPid(pidFile)) === undefined) throw new Error(await exitReason(home, 'control-plane'))
    if (performance.now() > deadline)
      throw new Error(`The control plane is not ready after 60 s; see ${logFileOf({ logs: home.logs, name: 'control-plane' })}`)
    await delay(50)
  }
}

async function isReady(home: Home): Promise<boolean> {
  await access(join(home.dir, 'admin.kubeconfig'))
  // The control plane renews the certificate in it.
  await rm(home.kubeconfig, { force: true })
  await symlink('admin.kubeconfig', home.kubeconfig)
  const client = await connectHome(home)
  try {
    const answer = await client.raw({ method: 'GET', path: '/readyz', signal: AbortSignal.timeout(2_000) })
    answer.body.resume()
    return answer.status === 200
  } finally {
    await client.close()
  }
}

/** The last lines of a process that ended, so that the reason is on the screen and not only in a file. */
async function exitReason(home: Home, name: string): Promise<string> {
  const file = logFileOf({ logs: home.logs, name })
  const lines = (await readFile(file, 'utf8').catch(() => '')).trim().split('\n').slice(-4).map(readableLine)
  return `${name} exited:\n  ${lines.join('\n  ')}\nThe whole log is ${file}`
}

function readableLine(line: string): string {
  try {
    const { msg, err } = JSON.parse(line) as { msg?: string; err?: { message?: string } }
    return [msg, err?.message].filter(Boolean).join(': ')
  } catch {
    return line
  }
}

/** Fails, saying what to do, when something else listens on `port`. */
async function assertPortFree(port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another program listens on it' : error.message
      reject(new Error(`Cannot use port ${port} for the API: ${why}. Set DAVIT_PORT to a free port, or end that program.`))
    })
    server.listen(port, '0.0.0.0', () => server.close(() => resolve()))
  })
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
}

/** A client with the administrator's rights, from the home's kubeconfig. */
export function connectHome(home: Home): Promise<HttpClient> {
  return connectKubeconfig(home.kubeconfig)
}

/** A client with the rights of the first user of a kubeconfig; of `servers`, any will do, the first one is tried first. */
export async function connectKubeconfig(path: string, servers?: readonly string[]): Promise<HttpClient> {
  const config = parse(await readFile(path, 'utf8')) as Kubeconfig
  const cluster = config.clusters[0]?.cluster
  const user = config.users[0]?.user
  if (!cluster || !user) throw new Error(`Cannot read ${path}: it names no cluster or no user`)
  const decode = (data: string) => Buffer.from(data, 'base64').toString()
  return connectHttp({
    servers: servers ?? [cluster.server],
    certificateAuthority: decode(cluster['certificate-authority-data']),
    certificate: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
    userAgent: 'davit-up',
  })
}

/** `sha256:` and the hash of the public key of the cluster's CA, by which agents know it. */
export async function certificateAuthorityHash(home: Home): Promise<string> {
  const config = parse(await readFile(home.kubeconfig, 'utf8')) as Kubeconfig
  const pem = Buffer.from(config.clusters[0]?.cluster['certificate-authority-data'] ?? '', 'base64')
  return publicKeyHash(pem.toString())
}

export interface AgentOptions {
  home: Home
  client: Client
  nodeName: string
  nodeAddress: string
  server: string
  dockerSocket: string
  /** Left out: this machine's own namespace. */
  host?: DockerHost
  /** Reported capacity; left out: what Docker reports. */
  cpu?: string
  memory?: string
  /** What to run as the agent, and its first arguments; left out: this build's agent, with this Node. */
  program?: readonly string[]
  extraArgs?: readonly string[]
}

/** Starts a node's agent unless it runs; it joins with a fresh token when it has no certificate. */
export async function startAgent(options: AgentOptions): Promise<void> {
  const { home, client, nodeName, nodeAddress, server, dockerSocket, host, cpu, memory, program = OWN_AGENT, extraArgs = [] } = options
  const name = agentName(nodeName)
  if ((await runningPid(join(home.run, `${name}.pid`))) !== undefined) return
  const dataDir = join(home.agents, nodeName)
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const tokenFile = join(dataDir, 'join-token')
  await writeFile(tokenFile, await createJoinToken(client, { clock: systemClock }), { mode: 0o600 })
  const [file = '', ...args] = [
    ...program,
    '--server',
    server,
    '--ca-hash',
    await certificateAuthorityHash(home),
    '--token-file',
    tokenFile,
  ]
  args.push('--node-name', nodeName, '--node-ip', nodeAddress, '--data-dir', dataDir, '--docker', `unix://${dockerSocket}`)
  if (cpu) args.push('--cpu', cpu)
  if (memory) args.push('--memory', memory)
  const networkNamespace = host?.networkNamespace
  // The machine's disk is not the node's alone: how full it is must not stop a cluster for development.
  args.push('--eviction-hard', 'memory.available<100Mi', ...extraArgs)
  await startProcess({
    name,
    file,
    args,
    logs: home.logs,
    run: home.run,
    ...(networkNamespace && { networkNamespace }),
  })
}

export const agentName = (nodeName: string): string => `node-agent-${nodeName}`

/** Stops a node's agent; its pods go on. */
export async function stopAgent(home: Home, nodeName: string): Promise<void> {
  await stopProcess(join(home.run, `${agentName(nodeName)}.pid`))
}

/** Resolves once every named node is Ready; throws, naming those that are not and why, after `timeoutMs`. */
export async function waitForNodes(home: Home, client: Client, names: readonly string[], { timeoutMs = 60_000 } = {}): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const states = await Promise.all(names.map(async name => ({ name, why: await notReadyReason(client, name) })))
    const waiting = states.filter(state => state.why !== undefined)
    if (waiting.length === 0) return
    for (const { name } of waiting) {
      if ((await runningPid(join(home.run, `${agentName(name)}.pid`))) === undefined)
        throw new Error(await exitReason(home, agentName(name)))
    }
    if (performance.now() > deadline) {
      const texts = waiting.map(({ name, why }) => `${name} (${why}; log: ${logFileOf({ logs: home.logs, name: agentName(name) })})`)
      throw new Error(`Not Ready after ${timeoutMs / 1000} s: ${texts.join(', ')}`)
    }
    await delay(100)
  }
}

async function notReadyReason(client: Client, name: string): Promise<string | undefined> {
  try {
    const node = await client.resource(nodeKind).get({ name })
    const ready = nodeCondition(node, 'Ready')
    if (ready?.status === 'True') return undefined
    return ready?.message ?? 'the agent has not reported yet'
  } catch (error) {
    if (isReason(error, 'NotFound')) return 'the agent has not registered yet'
    throw error
  }
}

/** Takes away what an agent keeps in the kernel and in Docker: containers, network, rules, mounts. */
export async function cleanUpNode(options: Pick<AgentOptions, 'home' | 'nodeName' | 'dockerSocket' | 'host'>): Promise<void> {
  const { home, nodeName, dockerSocket, host } = options
  const args = [NODE_AGENT, 'cleanup', '--data-dir', join(home.agents, nodeName), '--docker', `unix://${dockerSocket}`]
  const file = host ? 'nsenter' : process.execPath
  await command(file, host ? [`--net=/run/netns/${host.networkNamespace}`, process.execPath, ...args] : args, { timeoutMs: 120_000 })
}

/** True when a Docker daemon answers on `socket`. */
export function dockerAnswers(socket: string): Promise<boolean> {
  return new Promise(resolve => {
    const connection = connect(socket, () => {
      connection.end()
      resolve(true)
    })
    connection.once('error', () => resolve(false))
  })
}

/** Ends the control plane and its etcd. */
export async function stopControlPlane(home: Home): Promise<void> {
  await stopProcess(join(home.run, 'control-plane.pid'), { graceMs: 15_000 })
  await rm(join(home.run, 'control-plane.pid'), { force: true })
}
