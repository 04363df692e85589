import type { Clock, Logger } from '@davit/api'
import type Docker from 'dockerode'
import { AddressPool } from './address-pool.ts'
import { filterBridgedTraffic, linkOf, removeNeighbour, setHairpin, setNeighbours, setSysctls, uplinkOf } from './bridge.ts'
import { overlap, parseCidr } from './cidr.ts'
import { cleanupNetwork } from './cleanup.ts'
import { runCommand } from './command.ts'
import { ensureDockerNetwork, inspectNetwork, majorOf } from './docker-network.ts'
import { frame } from './frame.ts'
import { FrameKeeper } from './frame-keeper.ts'
import { findIptables } from './iptables.ts'
import { networkNames } from './names.ts'
import { type NodeInformer, peersOf } from './peers.ts'
import { applyRoutes, type Route } from './routes.ts'
import type { PodNetwork } from './types.ts'

export interface PodNetworkOptions {
  readonly docker: Docker
  readonly clusterId: string
  readonly nodeName: string
  /** Address at which other nodes reach this one. */
  readonly nodeAddress: string
  /** Range of this node's pods. */
  readonly podCidr: string
  /** Range of all pods. */
  readonly clusterCidr: string
  readonly serviceCidr: string
  /** Where this node answers DNS; put on `lo`. */
  readonly dnsAddress: string
  readonly nodes: NodeInformer
  /** Word from which links, chains and the Docker network are named; default `davit`. Clusters that share a Docker need different ones. */
  readonly name?: string
  /** Default: the uplink's less 50, which is what VXLAN takes. */
  readonly mtu?: number
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** `PodNetwork` with what only the agent's `main` needs. */
export interface RunningPodNetwork extends PodNetwork {
  /** Checks everything now rather than at the next round; to be called when dockerd has started. */
  recheck(): Promise<void>
  /** Calls `handler` whenever chains of other rooms (Services) had been flushed by somebody. */
  onRulesLost(handler: () => void): void
  /** Stops, and takes out of the kernel and out of Docker all that is ours. */
  remove(): Promise<void>
  /** Settles once nothing of it runs any more, after the signal. */
  readonly stopped: Promise<void>
}

const CHECK_INTERVAL_MS = 30_000
/** While something is wrong. */
const RETRY_INTERVAL_MS = 2_000

/**
 * Gives this node's pods a network and keeps it: Docker's bridge, rules, routes to the peers. Resolves once it was set up, or
 * failed to be: then `problem` says why and it is tried again. Throws on wrong options only.
 */
export async function startPodNetwork(options: PodNetworkOptions): Promise<RunningPodNetwork> {
  const { docker, clock, log, signal, nodeName, dnsAddress, podCidr } = options
  const names = networkNames(options.name)
  const pool = new AddressPool(podCidr)
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const macs = new Map<string, string>()
  const lostHandlers: (() => void)[] = []
  let problem: string | undefined
  let keeper: FrameKeeper | undefined
  let started = false

  const wantedRoutes = (): Route[] => [
    { destination: options.serviceCidr, device: names.bridge },
    ...peersOf(options.nodes.cache.list(), nodeName).map(peer => ({ destination: peer.podCidr, via: peer.address })),
  ]

  async function setUp(): Promise<void> {
    const version = (await docker.version()).Version
    const uplink = await uplinkOf(options.nodeAddress)
    const mtu = options.mtu ?? (uplink?.mtu ?? 1500) - 50
    const made = await ensureDockerNetwork(docker, {
      name: names.dockerNetwork,
      bridge: names.bridge,
      podCidr,
      mtu,
      clusterId: options.clusterId,
      nodeName,
      dockerVersion: version,
    })
    if (made) log.info({ network: names.dockerNetwork, podCidr, mtu }, 'Created the pod network')
    if (!(await linkOf(names.bridge))) throw new Error(`Cannot find link "${names.bridge}" of the pod network: restart Docker`)
    await filterBridgedTraffic(names.bridge)
    await setSysctls(names.bridge)
    await runCommand('ip', ['addr', 'replace', `${dnsAddress}/32`, 'dev', 'lo', 'label', names.addressLabel])

    keeper ??= new FrameKeeper(
      await findIptables(),
      names,
      frame({ names, podCidr, clusterCidr: options.clusterCidr, dnsAddress, acceptInRaw: majorOf(version) >= 28 }),
    )
    const { mended, lost } = await keeper.check()
    if (started && mended.length > 0) log.warn({ mended }, 'Put network rules back that had been moved or removed')
    if (started && lost) for (const handler of lostHandlers) handler()
    await setHairpin(names.bridge)
    await setNeighbours(names.bridge, macs)
    const trouble = await applyRoutes(wantedRoutes(), names.routeProtocol)
    if (trouble) throw new Error(`Cannot route to every node: ${trouble}`)
    started = true
  }

  // One at a time; who asks while it runs waits for one that began after the question.
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  async function attempt(): Promise<void> {
    try {
      await setUp()
      if (problem !== undefined) log.info({}, 'The pod network is well again')
      problem = undefined
    } catch (err) {
      const text = err instanceof Error ? err.message : String(err)
      if (text !== problem) log.error({ err }, 'The pod network has a problem')
      problem = text
    }
  }
  function recheck(): Promise<void> {
    if (!running) {
      running = attempt().finally(() => {
        running = undefined
      })
      return running
    }
    next ??= running.then(() => {
      next = undefined
      return recheck()
    })
    return next
  }

  let soon: Promise<void> | undefined
  function recheckSoon(): Promise<void> {
    soon ??= clock
      .sleep(50, either)
      .then(() => {
        soon = undefined
        return recheck()
      })
      .catch(() => {})
    return soon
  }

  // A range that this host already uses for something else would swallow its traffic; better said than found out.
  const inTheWay = await overlappingLink(podCidr, names.bridge)
  if (inTheWay) log.warn({ podCidr, ...inTheWay }, "The range of this node's pods overlaps a network of the host")

  await recheck()
  const stopListening = options.nodes.onChange(({ object, old }) => {
    const peer = JSON.stringify(peersOf([object], nodeName))
    if (started && (old === undefined || peer !== JSON.stringify(peersOf([old], nodeName)))) void recheckSoon()
  })
  const watching = watchDocker(docker, recheck, { clock, signal: either })
  const checking = (async () => {
    while (!either.aborted) {
      await clock.sleep(problem === undefined ? CHECK_INTERVAL_MS : RETRY_INTERVAL_MS, either).catch(() => {})
      if (!either.aborted) await recheck()
    }
  })()
  const stopped = Promise.all([watching, checking]).then(async () => {
    stopListening()
    await running
  })

  // Pods that start together share one look at the bridge.
  let attaching: Promise<void> | undefined
  function attachAll(): Promise<void> {
    attaching ??= Promise.resolve().then(async () => {
      attaching = undefined
      await setHairpin(names.bridge)
      await setNeighbours(names.bridge, macs)
    })
    return attaching
  }

  return {
    dockerNetwork: names.dockerNetwork,
    gateway: pool.gateway,
    get problem() {
      return problem
    },
    stopped,
    recheck,
    onRulesLost: handler => void lostHandlers.push(handler),
    allocate: podUid => pool.allocate(podUid),
    adopt: (podUid, address) => pool.adopt(podUid, address),
    release(podUid) {
      const address = pool.release(podUid)
      if (address !== undefined && macs.delete(address)) void removeNeighbour(names.bridge, address)
    },
    async attached(address, macAddress) {
      macs.set(address, macAddress)
      await attachAll()
    },
    freeStaleEndpoint: address => freeStaleEndpoint(docker, names.dockerNetwork, address),
    async remove() {
      stop.abort()
      await stopped
      await cleanupNetwork({ docker, ...(options.name !== undefined && { name: options.name }) })
    },
  }
}

async function freeStaleEndpoint(docker: Docker, network: string, address: string): Promise<void> {
  const found = await inspectNetwork(docker, network)
  for (const [id, endpoint] of Object.entries(found?.Containers ?? {})) {
    if (endpoint.IPv4Address.split('/')[0] !== address) continue
    const container = await docker
      .getContainer(id)
      .inspect()
      .catch(() => undefined)
    if (container?.State.Running) throw new Error(`Cannot free address "${address}": running container "${endpoint.Name}" holds it`)
    await docker.getNetwork(network).disconnect({ Container: container ? id : endpoint.Name, Force: true })
  }
}

async function overlappingLink(podCidr: string, bridge: string): Promise<{ link: string; range: string } | undefined> {
  const links = JSON.parse(await runCommand('ip', ['-j', '-4', 'addr', 'show'])) as {
    ifname: string
    addr_info: { local?: string; prefixlen?: number }[]
  }[]
  const range = parseCidr(podCidr)
  for (const { ifname, addr_info } of links) {
    if (ifname === bridge) continue
    for (const { local, prefixlen } of addr_info) {
      if (local !== undefined && overlap(parseCidr(`${local}/${prefixlen ?? 32}`), range))
        return { link: ifname, range: `${local}/${prefixlen}` }
    }
  }
  return undefined
}

/** Calls `recheck` each time dockerd has started: it puts its own rules in front of ours. */
async function watchDocker(
  docker: Docker,
  recheck: () => Promise<void>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  let wasAway = false
  while (!signal.aborted) {
    try {
      // Some event that hardly ever happens: the stream's end is what we wait for.
      const stream = await docker.getEvents({ filters: { type: ['daemon'] }, abortSignal: signal })
      if (wasAway) void recheck()
      await new Promise<void>(resolve => {
        stream
          .once('close', resolve)
          .once('end', resolve)
          .once('error', () => resolve())
        stream.resume()
      })
    } catch {
      // Not there; asked again below.
    }
    wasAway = true
    await clock.sleep(1_000, signal).catch(() => {})
  }
}
