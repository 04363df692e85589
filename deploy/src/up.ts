import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { HttpClient } from '@davit/api'
import { connectHome, startAgent, startControlPlane, waitForNodes } from './cluster.ts'
import type { Home } from './home.ts'
import { DEFAULT_HOST_NETWORK, describeHost, ensureHostBridge, type HostNetwork, startHost } from './hosts.ts'
import { ensureLocalDocker, LOCAL_DOCKER_SOCKET } from './local-docker.ts'

export interface UpOptions {
  home: Home
  port: number
  /** Docker hosts to make on this machine; left out: this machine's own Docker is the one node. */
  nodes?: number
  /** Reported capacity of each node, as quantities. */
  nodeCpu?: string
  nodeMemory?: string
  network?: HostNetwork
  dockerdArgs?: readonly string[]
  controlPlaneArgs?: readonly string[]
  agentArgs?: readonly string[]
  /** What to run as the control plane and as the agents; left out: this build's. */
  controlPlaneProgram?: readonly string[]
  agentProgram?: readonly string[]
  /** Told what is being done, a line a step. */
  report?: (line: string) => void
}

export interface RunningCluster {
  /** URL of the API. */
  server: string
  nodes: { name: string; address: string }[]
  client: HttpClient
}

/** What `up` was asked for, kept so that `down` and the next `up` know. */
export interface ClusterState {
  port: number
  /** 0: this machine's own Docker. */
  nodes: number
  network: HostNetwork
}

const stateFile = (home: Home) => join(home.dir, 'cluster.json')

/** What the last `up` in this home made; undefined when there was none. */
export async function readClusterState(home: Home): Promise<ClusterState | undefined> {
  const text = await readFile(stateFile(home), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as ClusterState)
}

/** Starts what does not run yet of a control plane and its nodes; settles once every node is Ready. */
export async function bringUp(options: UpOptions): Promise<RunningCluster> {
  const { home, port, network = DEFAULT_HOST_NETWORK, report = () => {} } = options
  const before = await readClusterState(home)
  const count = options.nodes ?? before?.nodes ?? 0
  if (before && (before.nodes === 0) !== (count === 0)) {
    const has = before.nodes === 0 ? "this machine's own Docker" : `${before.nodes} Docker hosts`
    throw new Error(`The cluster in ${home.dir} uses ${has}. Run "npm run down -- --purge" first, or set DAVIT_HOME to another folder.`)
  }
  await mkdir(home.dir, { recursive: true, mode: 0o700 })
  await writeFile(stateFile(home), JSON.stringify({ port, nodes: Math.max(count, before?.nodes ?? 0), network } satisfies ClusterState))
  const hosts = await startHosts(count, options, network, report)
  const address = count > 0 ? `${network.subnet}.1` : machineAddress()

  report('Starting the control plane')
  await startControlPlane({
    home,
    port,
    address,
    serverNames: ['localhost', '127.0.0.1', machineAddress()],
    extraArgs: options.controlPlaneArgs ?? [],
    ...(options.controlPlaneProgram && { program: options.controlPlaneProgram }),
  })
  const client = await connectHome(home)
  const server = `https://${address}:${port}`
  const nodes = count > 0 ? hosts.map(host => ({ name: host.name, address: host.address })) : [{ name: 'node-1', address }]
  report(nodes.length === 1 ? 'Starting the node agent' : `Starting ${nodes.length} node agents`)
  await Promise.all(
    nodes.map(async ({ name: nodeName, address: nodeAddress }, index) => {
      const host = hosts[index]
      await startAgent({
        home,
        client,
        nodeName,
        nodeAddress,
        server,
        dockerSocket: host?.socket ?? LOCAL_DOCKER_SOCKET,
        extraArgs: options.agentArgs ?? [],
        ...(host && { host }),
        ...(options.agentProgram && { program: options.agentProgram }),
        ...(options.nodeCpu && { cpu: options.nodeCpu }),
        ...(options.nodeMemory && { memory: options.nodeMemory }),
      })
    }),
  )
  report(nodes.length === 1 ? 'Waiting for the node to be Ready' : 'Waiting for the nodes to be Ready')
  const names = nodes.map(node => node.name)
  await waitForNodes(home, client, names)
  return { server, nodes, client }
}

async function startHosts(count: number, options: UpOptions, network: HostNetwork, report: (line: string) => void) {
  const { home } = options
  if (count === 0) {
    await ensureLocalDocker(home, report)
    return []
  }
  report(
    `Starting ${count} Docker host${count === 1 ? '' : 's'} on this machine (${network.subnet}.11${count > 1 ? ` to .${10 + count}` : ''})`,
  )
  await ensureHostBridge(network)
  const hostOptions = { network, dir: home.hosts, logs: home.logs, run: home.run, dockerdArgs: options.dockerdArgs ?? [] }
  return Promise.all(Array.from({ length: count }, (_, index) => startHost(index + 1, hostOptions)))
}

/** Hosts that were made in this home, whether they run or not. */
export async function knownHosts(home: Home, network: HostNetwork) {
  const names = await readdir(home.hosts).catch(() => [])
  const indexes = names.flatMap(name => (/^node-\d+$/.test(name) ? [Number(name.slice('node-'.length))] : []))
  return indexes.sort((a, b) => a - b).map(index => describeHost(index, { network, dir: home.hosts }))
}

/** This machine's first address that others can reach. */
export function machineAddress(): string {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (/^(docker|br-|davit|veth|virbr)/.test(name)) continue
    const found = addresses?.find(address => address.family === 'IPv4' && !address.internal)
    if (found) return found.address
  }
  return '127.0.0.1'
}
