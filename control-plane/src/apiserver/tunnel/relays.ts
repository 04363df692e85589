/** Ways to nodes through the tunnels of this replica's peers, for nodes that have none here. One hop: a peer uses its own tunnels only. */
import type { ClientHttp2Session } from 'node:http2'
import { ApiError, apiError, type Clock, type Credentials, connectHttp, type Logger, PATHS } from '@davit/api'
import { Tunnel } from './tunnel.ts'

const DIAL_MS_MAX = 3000
/** A way that nothing uses is kept for so long. */
const IDLE_MS = 60_000
const CLOSE_NORMAL = 1000
const TUNNEL_MISSING = 'TunnelMissing'

/** Another replica of the API server. */
export interface Peer {
  readonly name: string
  /** `https://address:port`. */
  readonly url: string
}

export interface RelaysOptions {
  /** All other replicas that live, as far as is known. */
  readonly peers: () => Promise<readonly Peer[]>
  /** Of an API server, as they are now. */
  readonly credentials: () => Credentials
  readonly clock: Clock
  readonly log: Logger
}

/** 503 for a node without a tunnel to this replica; peers read from it since when. */
export function noTunnel(node: string, since: string): ApiError {
  const causes = [{ reason: TUNNEL_MISSING, message: since }]
  return apiError('ServiceUnavailable', `node ${JSON.stringify(node)} has no tunnel to this replica since ${since}`, { causes })
}

/** Keeps one way a node for as long as it is used. */
export class Relays {
  readonly #options: RelaysOptions
  readonly #ways = new Map<string, Promise<Way>>()

  constructor(options: RelaysOptions) {
    this.#options = options
  }

  /** A session to the node's agent through whichever peer answers first. Rejects with 503 naming what each says; `since` is our own part. */
  async session(node: string, since: string): Promise<ClientHttp2Session> {
    let opening = this.#ways.get(node)
    if (!opening) {
      opening = this.#open(node, since)
      this.#ways.set(node, opening)
      opening.catch(() => this.#forget(node, opening))
    }
    const way = await opening
    if (way.isUsable) return way.use()
    this.#forget(node, opening)
    return this.session(node, since)
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    const ways = await Promise.allSettled(this.#ways.values())
    this.#ways.clear()
    await Promise.all(ways.map(way => way.status === 'fulfilled' && way.value.close()))
  }

  #forget(node: string, way: Promise<Way> | undefined): void {
    if (this.#ways.get(node) === way) this.#ways.delete(node)
  }

  async #open(node: string, since: string): Promise<Way> {
    const peers = await this.#options.peers()
    const dials = peers.map(peer => this.#dial(peer, node))
    try {
      const way = await Promise.any(dials)
      // Others may have answered, too.
      for (const dial of dials) dial.then(other => (other === way ? undefined : other.close())).catch(() => {})
      this.#options.log.info({ node, peer: way.peer.name }, 'Reaching a node through a peer')
      return way
    } catch (err) {
      const failures = err instanceof AggregateError ? err.errors : [err]
      const reports = peers.map(({ name }, at) => `${JSON.stringify(name)} ${report(failures[at])}`)
      const message = `node ${JSON.stringify(node)} has no tunnel to any API server: this one has had none since ${since}`
      throw apiError('ServiceUnavailable', [message, ...reports].join(', '), { causes: [{ reason: TUNNEL_MISSING, message: since }] })
    }
  }

  async #dial(peer: Peer, node: string): Promise<Way> {
    const { credentials, clock } = this.#options
    const client = connectHttp({ servers: [peer.url], ...credentials(), clock, userAgent: 'davit-apiserver' })
    const path = `${PATHS.relay}/${encodeURIComponent(node)}`
    const options = { server: peer.url, signal: AbortSignal.timeout(DIAL_MS_MAX) }
    const socket = await client.openWebSocket(path, {}, [], options).finally(() => client.close())
    return new Way(peer, new Tunnel(socket, clock), clock)
  }
}

/** One connection to a peer that leads to one node; closes itself when nothing has used it for a while. */
class Way {
  readonly peer: Peer
  readonly #tunnel: Tunnel
  readonly #clock: Clock
  #streams = 0
  #idle = new AbortController()

  constructor(peer: Peer, tunnel: Tunnel, clock: Clock) {
    this.peer = peer
    this.#tunnel = tunnel
    this.#clock = clock
    const { session } = tunnel
    const request = session.request.bind(session)
    session.request = (...args) => {
      const stream = request(...args)
      this.#streams++
      this.#idle.abort()
      stream.once('close', () => {
        if (--this.#streams === 0) this.#wait()
      })
      return stream
    }
    void tunnel.keepAlive().finally(() => this.#idle.abort())
  }

  get isUsable(): boolean {
    return this.#tunnel.isOpen && !this.#tunnel.isSilent
  }

  use(): ClientHttp2Session {
    if (this.#streams === 0) this.#wait()
    return this.#tunnel.session
  }

  close(): Promise<void> {
    return this.#tunnel.close(CLOSE_NORMAL, 'no longer used')
  }

  #wait(): void {
    this.#idle.abort()
    this.#idle = new AbortController()
    this.#clock.sleep(IDLE_MS, this.#idle.signal).then(
      () => this.close(),
      () => {},
    )
  }
}

function report(failure: unknown): string {
  const cause = failure instanceof ApiError ? failure.status.details?.causes?.find(({ reason }) => reason === TUNNEL_MISSING) : undefined
  if (cause) return `none since ${cause.message}`
  return `cannot be asked (${failure instanceof Error ? failure.message : String(failure)})`
}
