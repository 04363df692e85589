/**
 * The agent's end of the tunnels: one WebSocket to each server of the control plane, over which this agent serves HTTP/2. The agent
 * dials, so a node needs no open port; a tunnel that falls silent is given up and dialled again.
 */
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { Backoff, type Clock, type HttpClient, type Logger, PATHS } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'

const MEGABYTE = 1 << 20
const STREAM_WINDOW_BYTES = MEGABYTE
const SESSION_WINDOW_BYTES = 16 * MEGABYTE
const SESSION_MEMORY_MEGABYTES = 256
const STREAMS_MAX = 10_000

const DIAL_MS_MAX = 5000
const TICK_MS = 500
/** The server pings every second. */
const SILENT_MS_MAX = 3000
const CLOSE_MS_MAX = 1000
const LOST_INTERVAL_MS = 1000
/** A tunnel that lasted less counts as a failure: two agents of one name would otherwise throw each other out without pause. */
const STEADY_MS = 5000
const CLOSE_GOING_AWAY = 1001

export interface AgentTunnelsOptions {
  /** Called for every dial, so that a renewed certificate is used. */
  readonly client: () => Pick<HttpClient, 'openWebSocket'>
  /** `https://host:port` of every replica. */
  readonly servers: readonly string[]
  /** Serves what the control plane asks; must not throw. */
  readonly handler: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void
  /** Called at once when a tunnel is lost or cannot be opened, and every second while one is down: time to renew the Lease. */
  readonly onLost: () => void
  /** What the control plane is told when `signal` aborts; default `restart`. */
  readonly closeReason?: () => string
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export interface AgentTunnels {
  /** Servers to which there is no tunnel now. */
  readonly down: readonly string[]
  /** Dials what is new, closes what is no longer named. */
  setServers(servers: readonly string[]): void
  /** Settles once all is closed, after the signal. */
  readonly stopped: Promise<void>
}

/** Dials every server and keeps dialling until the signal aborts. Returns at once. */
export function startTunnels(options: AgentTunnelsOptions): AgentTunnels {
  const { servers, handler, onLost, log, clock, signal } = options
  const down = new Set<string>()
  const lines = new Map<string, { stop: AbortController; done: Promise<void> }>()
  const http = createServer({
    maxSessionMemory: SESSION_MEMORY_MEGABYTES,
    settings: { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams: STREAMS_MAX },
  })
  http.on('session', (session: ServerHttp2Session) => {
    session.on('error', () => {})
    session.setLocalWindowSize(SESSION_WINDOW_BYTES)
    opened = session
  })
  http.on('sessionError', () => {})
  let opened: ServerHttp2Session | undefined

  function serveOn(socket: WebSocket): void {
    opened = undefined
    http.emit('connection', createStream(socket))
    const session = opened as ServerHttp2Session | undefined
    // Before anyone answers a request that came through it: Node ends the process on a write into a stream that is closing.
    if (session) socket.prependOnceListener('close', () => session.destroy())
  }

  http.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    handler(stream, headers)
  })

  async function serve(server: string, stop: AbortSignal): Promise<void> {
    const backoff = new Backoff({ min: 100, max: 2000 })
    while (!stop.aborted) {
      try {
        const socket = await dial(options, server, stop)
        const held = hold(socket, options, stop)
        down.delete(server)
        const openedAt = clock.monotonic()
        log.info({ server }, 'The tunnel is open')
        serveOn(socket)
        const why = await held
        if (clock.monotonic() - openedAt > STEADY_MS) backoff.reset()
        if (!stop.aborted) log.warn({ server, why }, 'The tunnel is lost')
      } catch (err) {
        if (!stop.aborted && backoff.failures === 0) log.warn({ server, err }, 'Cannot open the tunnel')
      }
      if (stop.aborted) break
      down.add(server)
      lost()
      await clock.sleep(backoff.next(), stop).catch(() => {})
    }
    down.delete(server)
  }

  let telling = false
  /** Tells now, and goes on telling each second until every tunnel is back. */
  function lost(): void {
    if (telling) return
    telling = true
    void (async () => {
      while (down.size > 0 && !signal.aborted) {
        onLost()
        await clock.sleep(LOST_INTERVAL_MS, signal).catch(() => {})
      }
      telling = false
    })()
  }

  function setServers(wanted: readonly string[]): void {
    for (const [server, line] of lines) {
      if (wanted.includes(server)) continue
      lines.delete(server)
      line.stop.abort()
    }
    for (const server of wanted) {
      if (lines.has(server) || signal.aborted) continue
      const stop = new AbortController()
      lines.set(server, { stop, done: serve(server, AbortSignal.any([signal, stop.signal])) })
    }
  }
  setServers(servers)

  const stopped = new Promise<void>(resolve => {
    const finish = () => resolve(Promise.all([...lines.values()].map(({ done }) => done)).then(() => {}))
    if (signal.aborted) finish()
    else signal.addEventListener('abort', finish, { once: true })
  })
  return {
    get down() {
      return [...down]
    },
    setServers,
    stopped,
  }
}

function createStream(socket: WebSocket) {
  const duplex = createWebSocketStream(socket)
  duplex.on('error', () => {})
  return duplex
}

async function dial({ client, clock }: AgentTunnelsOptions, server: string, stop: AbortSignal): Promise<WebSocket> {
  // A signal of its own: an open tunnel must outlive `stop` for long enough to say why it closes.
  const dialling = new AbortController()
  const giveUp = () => dialling.abort(stop.reason)
  stop.addEventListener('abort', giveUp, { once: true })
  const settled = new AbortController()
  clock.sleep(DIAL_MS_MAX, settled.signal).then(
    () => dialling.abort(new Error(`No answer from ${server} within ${DIAL_MS_MAX / 1000} s`)),
    () => {},
  )
  try {
    stop.throwIfAborted()
    return await client().openWebSocket(PATHS.tunnel, {}, [], { server, signal: dialling.signal })
  } finally {
    settled.abort()
    stop.removeEventListener('abort', giveUp)
  }
}

/** Watches an open tunnel to its end; resolves to why it ended. */
async function hold(socket: WebSocket, { clock, closeReason }: AgentTunnelsOptions, stop: AbortSignal): Promise<string> {
  let silentMs = 0
  const heard = () => {
    silentMs = 0
  }
  socket.on('ping', heard).on('message', heard)
  const closed = new AbortController()
  let why = ''
  socket.once('close', (code, reason) => {
    why ||= reason.toString() || `closed with code ${code}`
    closed.abort()
  })
  const ended = AbortSignal.any([closed.signal, stop])
  for (let last = clock.monotonic(); !ended.aborted; ) {
    await clock.sleep(TICK_MS, ended).catch(() => {})
    const now = clock.monotonic()
    // If this process itself stood still, what the server sent meanwhile has not been read yet.
    silentMs += Math.min(now - last, 2 * TICK_MS)
    last = now
    if (silentMs < SILENT_MS_MAX || ended.aborted) continue
    why = `no ping for ${SILENT_MS_MAX / 1000} s`
    socket.terminate()
  }
  if (closed.signal.aborted) return why
  socket.close(CLOSE_GOING_AWAY, closeReason?.() ?? 'restart')
  await clock.sleep(CLOSE_MS_MAX, closed.signal).catch(() => {})
  socket.terminate()
  return why
}
