/** Docker Swarm on the same hosts: the first is its manager, all are workers. Services publish nothing and join no network. */
import type { DockerHost } from '@davit/deploy'
import { IMAGE } from './containers.ts'
import { connectEngine, type Engine } from './engine.ts'
import { poll } from './wait.ts'

const PORT = 2377
const SERVICE = 'bench'
const POLL_MS = 100

interface Task {
  ID: string
  NodeID: string
  Status: { State: string }
}

export interface Swarm {
  /** Seconds from the request to create the service to all its tasks Running. */
  startService(replicas: number): Promise<number>
  /** Settles once its containers are asked to go, not when they are gone. */
  removeService(): Promise<void>
  /** The moment the manager calls this host's node down. */
  nodeDown(host: DockerHost): Promise<number>
  nodeReady(host: DockerHost): Promise<number>
  /** The moment `replicas` tasks are Running on other hosts than this. */
  replaced(host: DockerHost, replicas: number): Promise<number>
}

/** Forms a swarm of the hosts, runs `work`, and dissolves it. */
export async function withSwarm<T>(hosts: readonly DockerHost[], signal: AbortSignal, work: (swarm: Swarm) => Promise<T>): Promise<T> {
  const engines = hosts.map(host => connectEngine(host.socket))
  const manager = engines[0] as Engine
  try {
    await form(hosts, engines)
    return await work(await drive({ hosts, engines, manager, signal }))
  } finally {
    // Workers first: a manager that is gone can no longer let them go.
    for (const engine of engines.toReversed()) await engine.call('POST', '/swarm/leave?force=1').catch(() => {})
    for (const engine of engines) engine.close()
  }
}

async function form(hosts: readonly DockerHost[], engines: readonly Engine[]): Promise<void> {
  const [manager, ...others] = engines as readonly [Engine, ...Engine[]]
  const [first, ...rest] = hosts as readonly [DockerHost, ...DockerHost[]]
  const addressesOf = ({ address }: DockerHost) => ({ ListenAddr: `${address}:${PORT}`, AdvertiseAddr: address, DataPathAddr: address })
  await manager.call('POST', '/swarm/init', addressesOf(first))
  const { JoinTokens } = (await manager.call('GET', '/swarm')) as { JoinTokens: { Worker: string } }
  const RemoteAddrs = [`${first.address}:${PORT}`]
  await Promise.all(
    rest.map((host, index) =>
      others[index]?.call('POST', '/swarm/join', { ...addressesOf(host), RemoteAddrs, JoinToken: JoinTokens.Worker }),
    ),
  )
}

interface Driven {
  hosts: readonly DockerHost[]
  engines: readonly Engine[]
  manager: Engine
  signal: AbortSignal
}

async function drive({ hosts, engines, manager, signal }: Driven): Promise<Swarm> {
  const wait = { signal, timeoutMs: 120_000, everyMs: POLL_MS }
  const nodeIds = new Map<string, string>()
  for (const [index, host] of hosts.entries()) {
    const { Swarm } = (await (engines[index] as Engine).call('GET', '/info')) as { Swarm: { NodeID: string } }
    nodeIds.set(host.name, Swarm.NodeID)
  }
  const stateOf = async (host: DockerHost) => {
    const node = (await manager.call('GET', `/nodes/${nodeIds.get(host.name)}`)) as { Status: { State: string } }
    return node.Status.State
  }
  const running = async () => {
    const filters = encodeURIComponent(JSON.stringify({ service: [SERVICE], 'desired-state': ['running'] }))
    const tasks = (await manager.call('GET', `/tasks?filters=${filters}`)) as Task[]
    return tasks.filter(task => task.Status.State === 'running')
  }
  const nodeIs = (host: DockerHost, state: string) =>
    poll(`${host.name} to be ${state} in Swarm`, async () => (await stateOf(host)) === state, wait)
  for (const host of hosts) await nodeIs(host, 'ready')

  return {
    startService: async replicas => {
      const began = performance.now()
      await manager.call('POST', '/services/create', {
        Name: SERVICE,
        TaskTemplate: { ContainerSpec: { Image: IMAGE } },
        Mode: { Replicated: { Replicas: replicas } },
      })
      const ended = await poll(`${replicas} tasks to be Running in Swarm`, async () => (await running()).length >= replicas, wait)
      return (ended - began) / 1000
    },
    removeService: async () => void (await manager.call('DELETE', `/services/${SERVICE}`)),
    nodeDown: host => nodeIs(host, 'down'),
    nodeReady: host => nodeIs(host, 'ready'),
    replaced: (host, replicas) => {
      const elsewhere = async () => (await running()).filter(task => task.NodeID !== nodeIds.get(host.name))
      return poll(`${replicas} tasks to be Running elsewhere`, async () => (await elsewhere()).length >= replicas, wait)
    },
  }
}
