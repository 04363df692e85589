/** WebSockets of clients: choosing a subprotocol, taking the connection over, closing it in order. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { apiError } from '@davit/api'
import { type WebSocket, WebSocketServer } from 'ws'

/** Clients write 32 KiB at a time; a frame for the agent must hold a message. */
const MESSAGE_BYTES_MAX = 2 << 20
const BUFFER_BYTES = 256 << 10
const CLOSE_MS_MAX = 5000

const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MESSAGE_BYTES_MAX, clientTracking: false })
const chosen = new WeakMap<IncomingMessage, string>()
server.on('headers', (lines, request) => {
  const protocol = chosen.get(request)
  if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
})

/** Which protocol an upgrade asks for. */
export function upgradeOf(request: IncomingMessage): 'websocket' | 'spdy' | undefined {
  const upgrade = request.headers.upgrade?.toLowerCase()
  if (upgrade === 'websocket') return 'websocket'
  return upgrade?.startsWith('spdy/3.1') ? 'spdy' : undefined
}

/** Protocols in a header that may come several times or as a list. */
export function protocolsIn(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .flatMap(part => part.split(','))
    .map(name => name.trim())
    .filter(Boolean)
}

/** The first protocol the client offers that is known. Throws Forbidden, as Kubernetes does. */
export function chooseProtocol<P extends string>(offered: readonly string[], known: readonly P[]): P {
  const found = offered.find((name): name is P => (known as readonly string[]).includes(name))
  if (found !== undefined) return found
  throw apiError(
    'Forbidden',
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${known.join(' ')}]`,
  )
}

/** Answers the handshake with `protocol` (empty: none). Rejects when the client's handshake is wrong; the client has been told then. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  { head, protocol }: { head: Buffer; protocol: string },
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const closed = () => reject(apiError('BadRequest', 'The WebSocket handshake failed'))
    socket.once('close', closed)
    // The library would refuse a slash in a protocol's name, which port-forward's has, and chooses by itself.
    delete request.headers['sec-websocket-protocol']
    chosen.set(request, protocol)
    server.handleUpgrade(request, socket, head, webSocket => {
      socket.off('close', closed)
      webSocket.on('error', () => {})
      resolve(webSocket)
    })
  })
}

/**
 * Sends one message; waits while the client is slow. Never rejects. Not through a stream: what waits in a stream's buffer would be
 * lost when the socket is closed.
 */
export function sendMessage(webSocket: WebSocket, message: Buffer | string): Promise<void> {
  return new Promise(resolve => {
    if (webSocket.readyState !== webSocket.OPEN) return resolve()
    const isSlow = webSocket.bufferedAmount > BUFFER_BYTES
    webSocket.send(message, () => resolve())
    if (!isSlow) resolve()
  })
}

/** Closes with `code` and waits for the client's answer, but not for long. */
export function closeWebSocket(webSocket: WebSocket, code: number): Promise<void> {
  return new Promise(resolve => {
    if (webSocket.readyState === webSocket.CLOSED) return resolve()
    const timer = setTimeout(() => webSocket.terminate(), CLOSE_MS_MAX)
    webSocket.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    webSocket.close(code)
  })
}
