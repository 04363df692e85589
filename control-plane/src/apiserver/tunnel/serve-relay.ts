/** A peer's way through this replica's tunnel: every stream on the peer's connection becomes one on the tunnel. */
import {
  type ClientHttp2Session,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Clock } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'

const MEGABYTE = 1 << 20
const STREAM_WINDOW_BYTES = MEGABYTE
const SESSION_WINDOW_BYTES = 16 * MEGABYTE
const SESSION_MEMORY_MEGABYTES = 256
const STREAMS_MAX = 10_000
const CHECK_MS = 5000
/** The peer pings every second. */
const DEAD_MS = 15_000

/** Serves the peer until its connection or the tunnel ends; each ends the other's part in it. Returns at once. */
export function serveRelay(socket: WebSocket, tunnel: ClientHttp2Session, clock: Clock): void {
  const http = createServer({
    maxSessionMemory: SESSION_MEMORY_MEGABYTES,
    settings: { initialWindowSize: STREAM_WINDOW_BYTES, maxConcurrentStreams: STREAMS_MAX },
  })
  http.on('session', (session: ServerHttp2Session) => {
    session.on('error', () => {})
    session.setLocalWindowSize(SESSION_WINDOW_BYTES)
    // Before anyone answers on it: Node ends the process on a write into a stream that is closing.
    socket.prependOnceListener('close', () => session.destroy())
  })
  http.on('sessionError', () => {})
  http.on('stream', (stream, headers) => forward(stream, headers, tunnel))
  const duplex = createWebSocketStream(socket)
  duplex.on('error', () => {})
  http.emit('connection', duplex)

  const end = () => socket.terminate()
  tunnel.once('close', end)
  const closed = new AbortController()
  socket.once('close', () => {
    tunnel.off('close', end)
    closed.abort()
  })
  void cutWhenSilent(socket, clock, closed.signal)
}

function forward(near: ServerHttp2Stream, headers: IncomingHttpHeaders, tunnel: ClientHttp2Session): void {
  near.on('error', () => {})
  if (tunnel.closed || tunnel.destroyed) return void near.close(constants.NGHTTP2_REFUSED_STREAM)
  const far = tunnel.request({ ...headers }, { endStream: near.endAfterHeaders })
  far.on('error', () => {})
  far.once('response', answer => {
    if (near.destroyed) return
    near.respond({ ...answer })
    far.pipe(near, { end: false })
  })
  // A stream ends alike when it was whole and when its tunnel broke; the peer must see the difference.
  far.once('end', () => {
    if (far.rstCode === constants.NGHTTP2_NO_ERROR && !tunnel.destroyed && !tunnel.closed) near.end()
    else near.close(constants.NGHTTP2_INTERNAL_ERROR)
  })
  far.once('close', () => {
    if (!near.writableEnded) near.close(far.rstCode || constants.NGHTTP2_INTERNAL_ERROR)
  })
  if (!near.endAfterHeaders) near.pipe(far)
  near.once('close', () => {
    if (!far.destroyed) far.close(near.rstCode || constants.NGHTTP2_CANCEL)
  })
}

/** A peer that vanished without a word must not hold streams on the tunnel for ever. */
async function cutWhenSilent(socket: WebSocket, clock: Clock, closed: AbortSignal): Promise<void> {
  let heardAt = clock.monotonic()
  socket.on('ping', () => {
    heardAt = clock.monotonic()
  })
  while (!closed.aborted) {
    await clock.sleep(CHECK_MS, closed).catch(() => {})
    if (clock.monotonic() - heardAt > DEAD_MS) socket.terminate()
  }
}
