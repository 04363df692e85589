import type { Clock, Logger } from '@davit/api'
import { contains, formatAddress, parseAddress, parseCidr } from '../ip/index.ts'
import { filterBridgedTraffic, linkOf, setHairpin, setNeighbours, setSysctls, type Uplink, uplinkOf } from './bridge.ts'
import { runCommand } from './command.ts'
import { frame } from './frame.ts'
import { FrameKeeper } from './frame-keeper.ts'
import { findIptables } from './iptables.ts'
import type { NetworkNames } from './names.ts'
import { PeerPaths } from './peer-paths.ts'
import { Prober } from './prober.ts'
import { applyRoutes, ensureProbeRules, type Peer, wantedRoutes } from './routes.ts'
import { ensureVxlan, setTunnelPeers, tunnelAddress } from './vxlan.ts'

export interface HostNetworkOptions {
  readonly names: NetworkNames
  readonly clusterId: string
  readonly nodeAddress: string
  readonly podCidr: string
  readonly clusterCidr: string
  readonly serviceCidr: string
  readonly dnsAddress: string
  readonly peers: () => Peer[]
  /** Addresses of running pods and their MACs. */
  readonly neighbours: ReadonlyMap<string, string>
  /** Called when routes should be looked at again. */
  readonly onPathChange: () => void
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

/** What the pod network needs of the host's kernel: the bridge's settings, the frame of rules, the tunnel, routes. Calls must not overlap. */
export class HostNetwork {
  readonly #options: HostNetworkOptions
  readonly #paths: PeerPaths
  readonly #prober: Prober
  #keeper: FrameKeeper | undefined
  #uplink: Uplink | undefined
  #hasTunnel = false
  #tunnelProblem: string | undefined
  #tunnelPeers = ''

  constructor(options: HostNetworkOptions) {
    const { clock, log, signal, podCidr, onPathChange } = options
    this.#options = options
    this.#prober = new Prober(clock)
    const isOnLink = (address: string) => this.#isOnLink(address)
    this.#paths = new PeerPaths({ podCidr, prober: this.#prober, isOnLink, onChange: onPathChange, clock, log, signal })
  }

  /** Judges paths to peers until the signal. */
  async run(): Promise<void> {
    await this.#paths.run()
    this.#prober.close()
  }

  /** Whether the frame still stands where it should; cheap. */
  async isFramed(): Promise<boolean> {
    return (await this.#keeper?.isInFront()) ?? false
  }

  /** Sets up or mends everything but routes. Says what rules it had to mend, and whether other rooms' chains were lost. */
  async ensure(dockerMajor: number): Promise<{ mended: string[]; lost: boolean }> {
    const { names, podCidr, clusterCidr, dnsAddress, nodeAddress } = this.#options
    if (!(await linkOf(names.bridge))) throw new Error(`Cannot find link "${names.bridge}" of the pod network: restart Docker`)
    await filterBridgedTraffic(names.bridge)
    await setSysctls(names.bridge)
    await runCommand('ip', ['addr', 'replace', `${dnsAddress}/32`, 'dev', 'lo', 'label', names.addressLabel])
    this.#keeper ??= new FrameKeeper(
      await findIptables(),
      names,
      frame({ names, podCidr, clusterCidr, dnsAddress, acceptInRaw: dockerMajor >= 28 }),
    )
    const result = await this.#keeper.check()
    await setHairpin(names.bridge)
    await setNeighbours(names.bridge, this.#options.neighbours)
    this.#uplink = await uplinkOf(nodeAddress)
    await this.#ensureTunnel()
    return result
  }

  /** Makes routes those that peers and paths ask for. Throws when some could not be set. */
  async route(): Promise<void> {
    const { names, serviceCidr, peers: listPeers } = this.#options
    const peers = listPeers()
    if (this.#hasTunnel) {
      const wanted = JSON.stringify(peers)
      if (wanted !== this.#tunnelPeers) await setTunnelPeers(names.vxlan, peers)
      this.#tunnelPeers = wanted
    }
    const { main, probes } = wantedRoutes({
      peers,
      pathTo: peer => this.#paths.pathTo(peer),
      isOnLink: address => this.#isOnLink(address),
      serviceCidr,
      names,
      hasTunnel: this.#hasTunnel,
    })
    // First the probes' own way, or the first probe would already say no.
    const trouble =
      (await applyRoutes(probes, names.routeProtocol, String(names.probeTable))) ?? (await applyRoutes(main, names.routeProtocol))
    this.#paths.set(peers)
    if (trouble !== undefined) throw new Error(`Cannot route to every node: ${trouble}`)
  }

  async #ensureTunnel(): Promise<void> {
    const { names, clusterId, nodeAddress, podCidr, log } = this.#options
    try {
      if (!this.#uplink) throw new Error(`no link holds the node's address ${nodeAddress}`)
      const made = await ensureVxlan({ link: names.vxlan, clusterId, nodeAddress, podCidr, uplink: this.#uplink })
      // A new link knows nobody yet.
      if (made) this.#tunnelPeers = ''
      await ensureProbeRules(names)
      const base = parseCidr(podCidr).base
      await this.#prober.listen(formatAddress(base + 1))
      await this.#prober.listen(tunnelAddress(podCidr))
      this.#hasTunnel = true
      this.#tunnelProblem = undefined
    } catch (err) {
      this.#hasTunnel = false
      const text = err instanceof Error ? err.message : String(err)
      if (text !== this.#tunnelProblem) log.warn({ err }, 'No tunnel between nodes: only direct routes are used')
      this.#tunnelProblem = text
    }
  }

  #isOnLink(address: string): boolean {
    return this.#uplink !== undefined && contains(parseCidr(this.#uplink.range), parseAddress(address))
  }
}
