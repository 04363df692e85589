import type { Clock, Logger } from '@davit/api'
import { formatAddress, parseCidr } from '../ip/index.ts'
import type { Prober } from './prober.ts'
import type { Peer } from './routes.ts'
import { tunnelAddress } from './vxlan.ts'

/** How a peer's pods are reached: straight through its address, or in a tunnel. */
export type Path = 'direct' | 'vxlan'

/** What probes along both paths said. */
export interface Verdict {
  readonly direct: boolean
  readonly vxlan: boolean
}

/** The path to take from now on. Nobody answering says nothing about paths: the peer may be down. Pure. */
export function judge(path: Path, { direct, vxlan }: Verdict): Path {
  if (direct) return 'direct'
  return vxlan ? 'vxlan' : path
}

interface PeerState {
  readonly peer: Peer
  path: Path
  /** Rounds in a row without any answer. */
  silent: number
  nextAt: number
  probing: boolean
}

export interface PeerPathsOptions {
  readonly podCidr: string
  readonly prober: Prober
  /** Whether a route through the peer's address is possible at all. */
  readonly isOnLink: (address: string) => boolean
  /** Called when some peer's path changed. */
  readonly onChange: () => void
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const JUDGE_INTERVAL_MS = 60_000
/** Without any answer it is asked again sooner: its agent may just be starting. */
const SILENT_DELAY_MS = { min: 1_000, max: 60_000 }
const TICK_MS = 500

/** Judges the path to each peer, anew every minute. */
export class PeerPaths {
  readonly #options: PeerPathsOptions
  readonly #states = new Map<string, PeerState>()

  constructor(options: PeerPathsOptions) {
    this.#options = options
  }

  /** Those to judge from now on; one that moved is judged anew. */
  set(peers: readonly Peer[]): void {
    const names = new Set(peers.map(({ name }) => name))
    for (const name of this.#states.keys()) if (!names.has(name)) this.#states.delete(name)
    for (const peer of peers) {
      const known = this.#states.get(peer.name)?.peer
      if (known?.address === peer.address && known.podCidr === peer.podCidr) continue
      const path = this.#options.isOnLink(peer.address) ? 'direct' : 'vxlan'
      this.#states.set(peer.name, { peer, path, silent: 0, nextAt: 0, probing: false })
    }
  }

  pathTo(name: string): Path {
    return this.#states.get(name)?.path ?? 'direct'
  }

  /** Judges until the signal. */
  async run(): Promise<void> {
    const { clock, signal } = this.#options
    const running = new Set<Promise<void>>()
    while (!signal.aborted) {
      const now = clock.monotonic()
      for (const state of this.#states.values()) {
        if (state.probing || state.nextAt > now) continue
        const judged = this.#judge(state).finally(() => running.delete(judged))
        running.add(judged)
      }
      await clock.sleep(TICK_MS, signal).catch(() => {})
    }
    await Promise.all(running)
  }

  async #judge(state: PeerState): Promise<void> {
    const { prober, podCidr, isOnLink, clock, log, signal, onChange } = this.#options
    state.probing = true
    const { peer } = state
    const [direct, vxlan] = await Promise.all([
      isOnLink(peer.address) && prober.reaches(gatewayOf(podCidr), gatewayOf(peer.podCidr), signal),
      prober.reaches(tunnelAddress(podCidr), tunnelAddress(peer.podCidr), signal),
    ])
    state.probing = false
    state.silent = direct || vxlan ? 0 : state.silent + 1
    const silentMs = Math.min(SILENT_DELAY_MS.max, SILENT_DELAY_MS.min * 2 ** (state.silent - 1))
    state.nextAt = clock.monotonic() + (state.silent === 0 ? JUDGE_INTERVAL_MS : silentMs)
    const path = judge(state.path, { direct, vxlan })
    if (path === state.path || signal.aborted) return
    log.info({ peer: peer.name, from: state.path, to: path, direct, vxlan }, 'Taking another path to a peer')
    state.path = path
    onChange()
  }
}

function gatewayOf(podCidr: string): string {
  return formatAddress(parseCidr(podCidr).base + 1)
}
