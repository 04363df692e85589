/**
 * One HTTP/2 session to one of several servers, made anew whenever it is lost. A server that fails is left for the next in
 * the list at once; only when all of them have failed does the next attempt wait, longer each time.
 */
import { type ClientHttp2Session, connect } from 'node:http2'
import type { Clock } from '../clock.ts'
import type { Logger } from '../reconcile/run-controller.ts'
import { Backoff } from './backoff.ts'

export interface Credentials {
  certificateAuthority: string
  certificate?: string
  key?: string
}

export interface ConnectionOptions {
  servers: readonly string[]
  credentials: Credentials
  clock: Clock
  log?: Logger
}

const BACKOFF_MS = { min: 50, max: 5_000 }
const CONNECT_MS_MAX = 5_000
const PING_EVERY_MS = 5_000
const PONG_MS_MAX = 5_000
/** A stream nobody reads holds at most this much; the connection's own window lets others go on meanwhile. */
const STREAM_WINDOW_BYTES = 1 << 20
const CONNECTION_WINDOW_BYTES = 16 << 20
const STREAMS_MAX = 1_000

export class Connection {
  readonly #servers: readonly string[]
  readonly #options: ConnectionOptions
  readonly #backoff = new Backoff(BACKOFF_MS)
  readonly #closed = new AbortController()
  /** Sessions of earlier credentials, until what runs on them has ended. */
  readonly #retired = new Set<ClientHttp2Session>()
  #credentials: Credentials
  /** Index of the server in use, or to try next. */
  #at: number
  #notBefore = 0
  #session: ClientHttp2Session | undefined
  #dialling: Promise<ClientHttp2Session> | undefined

  constructor(options: ConnectionOptions) {
    if (options.servers.length === 0) throw new Error('Cannot connect: the list of servers is empty, wanted at least one')
    this.#options = options
    this.#credentials = options.credentials
    // Clients spread over the servers without knowing of each other.
    this.#at = Math.floor(Math.random() * options.servers.length)
    this.#servers = options.servers
  }

  /** All servers, the one in use (or to be tried next) first. */
  get servers(): readonly string[] {
    return [...this.#servers.slice(this.#at), ...this.#servers.slice(0, this.#at)]
  }

  /** A session that takes requests. Rejects with the last server's error when none can be reached. */
  acquire(): Promise<ClientHttp2Session> {
    this.#closed.signal.throwIfAborted()
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return Promise.resolve(this.#session)
    if (this.#session) {
      this.#session = undefined
      this.#at = (this.#at + 1) % this.#servers.length
    }
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined
    })
    return this.#dialling
  }

  get credentials(): Credentials {
    return this.#credentials
  }

  /** From the next request on a new session with these is used; what runs on the old one goes on to its end. */
  renew(credentials: Credentials): void {
    this.#credentials = credentials
    const present = this.#session
    this.#session = undefined
    if (present) this.#retire(present)
    this.#dialling?.then(
      session => {
        if (this.#session === session) this.#session = undefined
        this.#retire(session)
      },
      () => {},
    )
  }

  close(): void {
    this.#closed.abort(new Error('The client was closed'))
    for (const session of [this.#session, ...this.#retired]) session?.destroy()
  }

  #retire(session: ClientHttp2Session): void {
    if (session.destroyed) return
    this.#retired.add(session)
    session.once('close', () => this.#retired.delete(session))
    session.close()
  }

  async #dial(): Promise<ClientHttp2Session> {
    const { clock, log } = this.#options
    const waitMs = this.#notBefore - clock.monotonic()
    if (waitMs > 0) await clock.sleep(waitMs, this.#closed.signal)
    let lastError: unknown
    for (let tried = 0; tried < this.#servers.length; tried++) {
      const server = this.#servers[this.#at] as string
      try {
        const session = await openSession(server, this.#credentials, clock, this.#closed.signal)
        log?.debug({ server }, 'Connected')
        session.on('error', err => log?.warn({ server, err }, 'Lost the connection'))
        void this.#keepAlive(session)
        this.#backoff.reset()
        this.#notBefore = 0
        this.#session = session
        return session
      } catch (err) {
        this.#closed.signal.throwIfAborted()
        log?.warn({ server, err }, 'Cannot connect')
        lastError = err
        this.#at = (this.#at + 1) % this.#servers.length
      }
    }
    this.#notBefore = clock.monotonic() + this.#backoff.next()
    throw lastError
  }

  /** A peer that vanished without a word is noticed by its missing pong, so that requests fail over instead of hanging. */
  async #keepAlive(session: ClientHttp2Session): Promise<void> {
    const { clock } = this.#options
    const gone = new AbortController()
    session.once('close', () => gone.abort())
    try {
      while (!session.destroyed) {
        await clock.sleep(PING_EVERY_MS, gone.signal)
        const answered = new AbortController()
        // Also called, with an error, when the session closes.
        session.ping(() => answered.abort())
        const late = await clock.sleep(PONG_MS_MAX, answered.signal).then(
          () => true,
          () => false,
        )
        if (late) session.destroy(new Error(`Cannot reach the server: a ping got no answer within ${PONG_MS_MAX / 1000} s`))
      }
    } catch {
      // The session is gone or going, which those who use it notice themselves.
    }
  }
}

async function openSession(server: string, credentials: Credentials, clock: Clock, signal: AbortSignal): Promise<ClientHttp2Session> {
  const session = connect(server, {
    ca: credentials.certificateAuthority,
    ...(credentials.certificate && { cert: credentials.certificate }),
    ...(credentials.key && { key: credentials.key }),
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    peerMaxConcurrentStreams: STREAMS_MAX,
    maxSessionMemory: 1_000,
  })
  // One may follow another, and nobody need listen by then.
  session.on('error', () => {})
  const timer = new AbortController()
  const abort = () => session.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  clock.sleep(CONNECT_MS_MAX, timer.signal).then(
    () => session.destroy(new Error(`Cannot connect to "${server}" within ${CONNECT_MS_MAX / 1000} s`)),
    () => {},
  )
  try {
    await new Promise<void>((resolve, reject) => {
      // Not `connect`: with TLS 1.3 a refused client certificate shows only after it.
      session.once('remoteSettings', () => resolve())
      session.once('error', reject)
      session.once('close', () => reject(new Error(`Cannot connect to "${server}": it closed the connection`)))
    })
  } catch (err) {
    session.destroy()
    throw err
  } finally {
    timer.abort()
    signal.removeEventListener('abort', abort)
  }
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES)
  return session
}
