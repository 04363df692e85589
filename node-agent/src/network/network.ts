import type { Clock, Informer, Logger, Node } from '@davit/api'
import type Docker from 'dockerode'
import { overlap, parseCidr } from '../ip/index.ts'
import { AddressPool } from './address-pool.ts'
import { attachPorts, listAddresses, removeNeighbour, uplinkOf } from './bridge.ts'
import { cleanupNetwork } from './cleanup.ts'
import { ensureDockerNetwork, freeStaleEndpoint, majorOf, statusCodeOf } from './docker-network.ts'
import { HostNetwork } from './host.ts'
import { networkNames } from './names.ts'
import { peersOf } from './peers.ts'
import { singleFlight } from './single-flight.ts'
import type { PodNetwork } from './types.ts'
import { VXLAN_OVERHEAD } from './vxlan.ts'

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
  readonly nodes: Informer<Node>
  /** Word from which links, chains and the Docker network are named; default `davit`. Clusters that share a Docker need different ones. */
  readonly name?: string
  /** Default: the uplink's less what a tunnel takes. */
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
/** Only every so many checks look at everything; the others, at what Docker and people usually break. */
const CHECKS_A_THOROUGH_ONE = 10
/** While something is wrong. */
const RETRY_INTERVAL_MS = 2_000
/** Nodes that come together are routed to together. */
const PEERS_DELAY_MS = 50
/** Time between two looks at the bridge while pods start: each costs two processes, and only a pod that calls itself needs what it brings. */
const ATTACH_INTERVAL_MS = 3_000

/**
 * Gives this node's pods a network and keeps it: Docker's bridge, rules, routes to the peers. Resolves once it was set up, or
 * failed to be: then `problem` says why and it is tried again. Throws on wrong options only.
 */
export async function startPodNetwork(options: PodNetworkOptions): Promise<RunningPodNetwork> {
  const { docker, clock, log, nodeName, nodes, podCidr } = options
  const names = networkNames(options.name)
  const pool = new AddressPool(podCidr)
  const stop = new AbortController()
  const signal = AbortSignal.any([options.signal, stop.signal])
  const macs = new Map<string, string>()
  const lostHandlers: (() => void)[] = []
  let problem: string | undefined
  let dockerMajor = 0
  let started = false
  let thorough = true

  const host = new HostNetwork({
    ...options,
    names,
    peers: () => peersOf(nodes.cache.list(), nodeName),
    neighbours: macs,
    onPathChange: () => void recheck(),
    signal,
  })

  async function ensureDocker(): Promise<void> {
    try {
      const version = (await docker.version()).Version
      dockerMajor = majorOf(version)
      const mtu = options.mtu ?? ((await uplinkOf(options.nodeAddress))?.mtu ?? 1500) - VXLAN_OVERHEAD
      const spec = {
        name: names.dockerNetwork,
        bridge: names.bridge,
        podCidr,
        mtu,
        clusterId: options.clusterId,
        nodeName,
        dockerVersion: version,
      }
      if (!(await ensureDockerNetwork(docker, spec))) return
      log.info({ network: names.dockerNetwork, podCidr, mtu }, 'Created the pod network')
      thorough = true
    } catch (err) {
      // Docker being away is another's trouble to tell: what runs keeps its network.
      if (!started || statusCodeOf(err) !== undefined || !isConnectionError(err)) throw err
    }
  }

  const recheck = singleFlight(async () => {
    try {
      await ensureDocker()
      if (thorough || !(await host.isFramed())) {
        const { mended, lost } = await host.ensure(dockerMajor)
        if (started && mended.length > 0) log.warn({ mended }, 'Put network rules back that had been moved or removed')
        if (started && lost) for (const handler of lostHandlers) handler()
      }
      await host.route()
      if (problem !== undefined) log.info({}, 'The pod network is well again')
      problem = undefined
      thorough = false
      started = true
    } catch (err) {
      const text = err instanceof Error ? err.message : String(err)
      if (text !== problem) log.error({ err }, 'The pod network has a problem')
      problem = text
      thorough = true
    }
  })

  // A range that this host already uses for something else would swallow its traffic; better said than found out.
  const inTheWay = await overlappingLink(podCidr, [names.bridge, names.vxlan])
  if (inTheWay) log.warn({ podCidr, ...inTheWay }, "The range of this node's pods overlaps a network of the host")

  let soon = false
  const recheckSoon = async () => {
    if (soon) return
    soon = true
    await clock.sleep(PEERS_DELAY_MS, signal).catch(() => {})
    soon = false
    if (!signal.aborted) await recheck()
  }

  await recheck()
  const stopListening = nodes.onChange(({ type, object, old }) => {
    const isSame = type === 'updated' && old && JSON.stringify(peersOf([object], nodeName)) === JSON.stringify(peersOf([old], nodeName))
    if (!isSame) void recheckSoon()
  })

  const all = () => {
    thorough = true
    return recheck()
  }
  const checking = (async () => {
    for (let round = 1; !signal.aborted; round++) {
      await clock.sleep(problem === undefined ? CHECK_INTERVAL_MS : RETRY_INTERVAL_MS, signal).catch(() => {})
      if (signal.aborted) return
      if (round % CHECKS_A_THOROUGH_ONE === 0) await all()
      else await recheck()
    }
  })()
  const stopped = Promise.all([watchDocker(docker, all, { clock, signal }), host.run(), checking]).then(stopListening)

  // Pods that start together share one look at the bridge.
  const unattached = new Map<string, string>()
  const attach = singleFlight(async () => {
    if (unattached.size === 0 || signal.aborted) return
    const neighbours = new Map(unattached)
    unattached.clear()
    try {
      await attachPorts(names.bridge, neighbours)
    } catch (err) {
      log.warn({ err }, 'Cannot set up the bridge for new pods; it is tried again')
      thorough = true
    }
    await clock.sleep(ATTACH_INTERVAL_MS, signal).catch(() => {})
  })

  return {
    dockerNetwork: names.dockerNetwork,
    gateway: pool.gateway,
    get problem() {
      return problem
    },
    stopped,
    recheck: all,
    onRulesLost: handler => {
      lostHandlers.push(handler)
    },
    allocate: podUid => pool.allocate(podUid),
    adopt: (podUid, address) => pool.adopt(podUid, address),
    release(podUid) {
      const address = pool.release(podUid)
      if (address === undefined) return
      unattached.delete(address)
      if (macs.delete(address)) void removeNeighbour(names.bridge, address)
    },
    attached(address, macAddress) {
      macs.set(address, macAddress)
      unattached.set(address, macAddress)
      void attach()
    },
    freeStaleEndpoint: address => freeStaleEndpoint(docker, names.dockerNetwork, address),
    async remove() {
      stop.abort()
      await stopped
      await cleanupNetwork({ docker, ...(options.name !== undefined && { name: options.name }) })
    },
  }
}

function isConnectionError(err: unknown): boolean {
  return err instanceof Error && 'code' in err && typeof err.code === 'string' && /^(ECONN|ENOENT|EPIPE|ETIMEDOUT)/.test(err.code)
}

async function overlappingLink(podCidr: string, own: readonly string[]): Promise<{ link: string; range: string } | undefined> {
  const pods = parseCidr(podCidr)
  for (const { ifname, addr_info } of await listAddresses()) {
    if (own.includes(ifname)) continue
    for (const { local, prefixlen } of addr_info) {
      const range = `${local}/${prefixlen ?? 32}`
      if (local !== undefined && overlap(parseCidr(range), pods)) return { link: ifname, range }
    }
  }
  return undefined
}

/** Calls `recheck` each time dockerd has started or made a network: it puts its own rules in front of ours. */
async function watchDocker(
  docker: Docker,
  recheck: () => Promise<void>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<void> {
  let wasAway = false
  while (!signal.aborted) {
    try {
      // Its end tells that dockerd has gone.
      const stream = await docker.getEvents({ filters: { type: ['network'], event: ['create', 'destroy'] }, abortSignal: signal })
      if (wasAway) void recheck()
      await new Promise<void>(resolve => {
        stream
          .once('close', resolve)
          .once('end', resolve)
          .once('error', () => resolve())
        stream.on('data', () => void recheck())
      })
    } catch {
      // Not there; asked again below.
    }
    wasAway = true
    await clock.sleep(1_000, signal).catch(() => {})
  }
}
