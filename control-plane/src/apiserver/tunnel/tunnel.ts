/** One agent's connection: HTTP/2 inside a WebSocket, where the agent is the server. */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Clock } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'

const MEGABYTE = 1 << 20
const STREAM_WINDOW_BYTES = MEGABYTE
const SESSION_WINDOW_BYTES = 16 * MEGABYTE
const SESSION_MEMORY_MEGABYTES = 256
const STREAMS_MAX = 10_000
/** How long the other end may take to answer a close. */
const CLOSE_MS_MAX = 1000
const TICK_MS = 500
/** One ping in so many ticks. */
const PING_TICKS = 2
/** A connection that says nothing for so long is dead, whatever TCP thinks. */
const DEAD_MS = 6000
/** A tick so late means that this process slept: what came meanwhile has not been read yet. */
const SLEPT_MS = 3 * TICK_MS

/** Silence for so long is a sign of trouble, for pings are answered each second. */
export const SILENT_MS = 2500

/** How a tunnel ended. */
export interface TunnelClosed {
  /** What the agent said when it closed; empty when it said nothing. */
  readonly reason: string
}

/** Owns the socket it is given and the session on it; ends both together. The other end, an agent or a peer that relays, is the server. */
export class Tunnel {
  readonly session: ClientHttp2Session
  /** Settles once nothing is left of the connection. */
  readonly closed: Promise<TunnelClosed>
  readonly #socket: WebSocket
  readonly #clock: Clock
  #heardAt: number

  constructor(socket: WebSocket, clock: Clock) {
    this.#socket = socket
    this.#clock = clock
    this.#heardAt = clock.monotonic()
    const heard = () => {
      this.#heardAt = clock.monotonic()
    }
    socket.on('message', heard).on('pong', heard).on('ping', heard)
    const duplex = createWebSocketStream(socket)
    duplex.on('error', () => {})
    this.session = connect('http://agent', {
      createConnection: () => duplex,
      maxSessionMemory: SESSION_MEMORY_MEGABYTES,
      peerMaxConcurrentStreams: STREAMS_MAX,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    })
    this.session.on('error', () => {})
    this.session.once('connect', () => this.session.setLocalWindowSize(SESSION_WINDOW_BYTES))
    this.session.once('close', () => socket.terminate())
    this.closed = new Promise(resolve => {
      socket.once('close', (_code, reason) => {
        this.session.destroy()
        resolve({ reason: reason.toString() })
      })
    })
  }

  /** Monotonic time when anything last came through. */
  get heardAt(): number {
    return this.#heardAt
  }

  get silentMs(): number {
    return this.#clock.monotonic() - this.#heardAt
  }

  get isOpen(): boolean {
    return !this.session.closed && !this.session.destroyed
  }

  get isSilent(): boolean {
    return this.silentMs > SILENT_MS
  }

  /** Pings until the end, which it gives; cuts a connection that is dead. Calls `onSilent` whenever silence begins. */
  async keepAlive(onSilent: () => void = () => {}): Promise<TunnelClosed> {
    const ended = new AbortController()
    const closed = this.closed.finally(() => ended.abort())
    for (let tick = 0, wasSilent = false; !ended.signal.aborted; tick++) {
      if (tick % PING_TICKS === 0 && this.#socket.readyState === this.#socket.OPEN) this.#socket.ping()
      const before = this.#clock.monotonic()
      await this.#clock.sleep(TICK_MS, ended.signal).catch(() => {})
      if (ended.signal.aborted) break
      const hasSlept = this.#clock.monotonic() - before > SLEPT_MS
      if (this.isSilent && !wasSilent) onSilent()
      wasSilent = this.isSilent
      if (this.silentMs > DEAD_MS && !hasSlept) this.terminate()
    }
    return closed
  }

  /** Says why, and cuts the connection when the agent does not answer. Settles once it is closed. */
  async close(code: number, reason: string): Promise<void> {
    this.#socket.close(code, reason)
    const answered = new AbortController()
    this.#clock.sleep(CLOSE_MS_MAX, answered.signal).then(
      () => this.terminate(),
      () => {},
    )
    await this.closed
    answered.abort()
  }

  /** Cuts the connection at once. */
  terminate(): void {
    this.#socket.terminate()
  }
}
