/**
 * One HTTP/2 session to one of several servers, made anew whenever it is lost. A server that fails is left for another at once; only
 * when all of them have failed does the next attempt wait, longer each time and by chance, so that those who come back do not come
 * all together.
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
  /** Try the servers in the order given; otherwise clients spread over them. */
  inOrder?: boolean
  credentials: Credentials
  clock: Clock
  log?: Logger
}

const BACKOFF_MS = { min: 50, max: 5_000 }
const CONNECT_MS_MAX = 5_000
/** A server that has not answered by then may go on, but the next one is tried beside it. */
const PATIENCE_MS = 1_000
const TICK_MS = 1_000
/** One ping in so many ticks; one in each while somebody waits for an answer. */
const PING_TICKS = 5
const PONG_MS_MAX = 3_000
/** A stream nobody reads holds at most this much; the connection's own window lets others go on meanwhile. */
const STREAM_WINDOW_BYTES = 1 << 20
const CONNECTION_WINDOW_BYTES = 16 << 20
const STREAMS_MAX = 1_000

export class Connection {
  readonly #options: ConnectionOptions
  readonly #backoff = new Backoff(BACKOFF_MS)
  readonly #closed = new AbortController()
  /** Sessions of earlier credentials, until what runs on them has ended. */
  readonly #retired = new Set<ClientHttp2Session>()
  #credentials: Credentials
  /** In the order of trial, the one in use first. */
  #servers: readonly string[]
  #notBefore = 0
  #session: ClientHttp2Session | undefined
  /** Of the session. */
  #server = ''
  /** Requests without an answer so far. */
  #waiting = 0
  #dialling: Promise<ClientHttp2Session> | undefined

  constructor(options: ConnectionOptions) {
    if (options.servers.length === 0) throw new Error('Cannot connect: the list of servers is empty, wanted at least one')
    this.#options = options
    this.#credentials = options.credentials
    this.#servers = options.inOrder ? options.servers : shuffled(options.servers)
  }

  /** All servers, the one in use (or to be tried next) first. */
  get servers(): readonly string[] {
    return this.#servers
  }

  /** From now on these are tried; an empty list changes nothing. A session to one that is not among them is used while it lasts. */
  setServers(servers: readonly string[]): void {
    const wanted = new Set(servers)
    if (wanted.size === 0) return
    const kept = this.#servers.filter(server => wanted.has(server))
    for (const server of kept) wanted.delete(server)
    this.#servers = [...kept, ...shuffled([...wanted])]
  }

  /** A session that takes requests. Rejects with the last server's error when none can be reached. */
  acquire(): Promise<ClientHttp2Session> {
    this.#closed.signal.throwIfAborted()
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return Promise.resolve(this.#session)
    if (this.#session) this.#abandon()
    this.#dialling ??= this.#dial().finally(() => {
      this.#dialling = undefined
    })
    return this.#dialling
  }

  /** The session's server is of no use for now: new requests go to another, if there is one. What runs on the session goes on. */
  leave(session: ClientHttp2Session): void {
    if (session !== this.#session || this.#servers.length === 1) return
    this.#abandon()
    this.#retire(session)
  }

  /** Passes on an answer that is awaited; meanwhile it is found out soon when the server is gone. */
  async awaiting<T>(answer: Promise<T>): Promise<T> {
    this.#waiting++
    try {
      return await answer
    } finally {
      this.#waiting--
    }
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

  #abandon(): void {
    const server = this.#server
    this.#session = undefined
    this.#servers = [...this.#servers.filter(other => other !== server), ...this.#servers.filter(other => other === server)]
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
    try {
      const open = (server: string, signal: AbortSignal) => openSession(server, this.#credentials, clock, signal)
      const { server, session } = await openAny(this.#servers, open, { clock, signal: this.#closed.signal, ...(log && { log }) })
      log?.debug({ server }, 'Connected')
      session.on('error', err => log?.warn({ server, err }, 'Lost the connection'))
      void this.#keepAlive(session)
      this.#backoff.reset()
      this.#notBefore = 0
      this.#session = session
      this.#server = server
      this.#servers = [...this.#servers.filter(other => other === server), ...this.#servers.filter(other => other !== server)]
      return session
    } catch (err) {
      this.#notBefore = clock.monotonic() + this.#backoff.next()
      throw err
    }
  }

  /** A peer that vanished without a word is noticed by its missing pong, so that requests fail over instead of hanging. */
  async #keepAlive(session: ClientHttp2Session): Promise<void> {
    const { clock } = this.#options
    const gone = new AbortController()
    session.once('close', () => gone.abort())
    try {
      for (let tick = 1; !session.destroyed; tick++) {
        await clock.sleep(TICK_MS, gone.signal)
        if (this.#waiting === 0 && tick % PING_TICKS !== 0) continue
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

interface Opened {
  server: string
  session: ClientHttp2Session
}

/** The first that answers. Each is tried as soon as the one before it has failed or keeps us waiting; rejects with the last failure. */
function openAny(
  servers: readonly string[],
  open: (server: string, signal: AbortSignal) => Promise<ClientHttp2Session>,
  { clock, log, signal }: { clock: Clock; log?: Logger; signal: AbortSignal },
): Promise<Opened> {
  const settled = new AbortController()
  const giveUp = AbortSignal.any([signal, settled.signal])
  const queue = [...servers]
  let running = 0
  return new Promise((resolve, reject) => {
    const tryNext = () => {
      const server = queue.shift()
      if (server === undefined || settled.signal.aborted) return
      running++
      const over = new AbortController()
      clock.sleep(PATIENCE_MS, over.signal).then(tryNext, () => {})
      open(server, giveUp).then(
        session => {
          over.abort()
          if (settled.signal.aborted) return session.destroy()
          settled.abort()
          resolve({ server, session })
        },
        err => {
          over.abort()
          running--
          if (giveUp.aborted) return reject(signal.reason)
          log?.warn({ server, err }, 'Cannot connect')
          if (queue.length > 0) return tryNext()
          if (running > 0) return
          settled.abort()
          reject(err)
        },
      )
    }
    tryNext()
  })
}

function shuffled<T>(items: readonly T[]): T[] {
  const drawn = items.map(item => ({ item, at: Math.random() }))
  return drawn.sort((a, b) => a.at - b.at).map(({ item }) => item)
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
