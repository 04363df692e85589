import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { type Clock, type HttpClient, type Logger, PATHS, systemClock } from '@davit/api'
import { createWebSocketStream, WebSocket, WebSocketServer } from 'ws'
import { type AgentTunnels, startTunnels } from './start-tunnels.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }

let stop: AbortController
let server: Server
let sockets: WebSocketServer
let url: string
let lost: number
let tunnels: AgentTunnels | undefined
let handler: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void
/** Called when the agent's end of a tunnel closes. */
let onClosed: () => void
/** How much faster time goes than it does. */
let hurry: number

const clock: Clock = {
  now: () => systemClock.now(),
  monotonic: () => systemClock.monotonic() * hurry,
  sleep: (ms, signal) => systemClock.sleep(ms / hurry, signal),
}

/** Without TLS and all else, as the real one: open once handed over, and quiet until the next turn. */
const client: Pick<HttpClient, 'openWebSocket'> = {
  openWebSocket: (path, _query, _protocols, { server: target = '', signal } = {}) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(target.replace(/^http/, 'ws') + path, { perMessageDeflate: false })
      signal?.addEventListener('abort', () => socket.terminate(), { once: true })
      socket.on('error', reject)
      socket.once('open', () => {
        socket.pause()
        setImmediate(() => {
          socket.once('close', () => onClosed())
          socket.resume()
        })
        resolve(socket)
      })
    }),
}

function serveName(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  stream.respond({ ':status': 200 })
  stream.end(`agent at ${headers[':path']}`)
}

beforeEach(async () => {
  handler = serveName
  onClosed = () => {}
  stop = new AbortController()
  lost = 0
  hurry = 1
  server = createServer()
  sockets = new WebSocketServer({ server, path: PATHS.tunnel, perMessageDeflate: false })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  stop.abort()
  await tunnels?.stopped
  for (const socket of sockets.clients) socket.terminate()
  sockets.close()
  server.closeAllConnections()
  server.close()
})

function start(servers: string[] = [url]): AgentTunnels {
  tunnels = startTunnels({
    client: () => client,
    servers,
    handler: (stream, headers) => handler(stream, headers),
    onLost: () => {
      lost++
    },
    closeReason: () => 'upgrade',
    log,
    clock,
    signal: stop.signal,
  })
  return tunnels
}

/** The control plane's end. */
async function accepted(): Promise<{ socket: WebSocket; session: ClientHttp2Session }> {
  const [socket] = (await once(sockets, 'connection')) as [WebSocket]
  const duplex = createWebSocketStream(socket).on('error', () => {})
  const session = connect('http://agent', { createConnection: () => duplex }).on('error', () => {})
  return { socket, session }
}

async function ask(session: ClientHttp2Session): Promise<string> {
  return text(session.request({ ':path': '/ping' }))
}

test('the agent serves HTTP/2 to the server it dialled', async () => {
  const { down } = start()
  const { session } = await accepted()
  assert.equal(await ask(session), 'agent at /ping')
  assert.deepEqual(down, [])
  assert.equal(lost, 0)
})

test('a lost tunnel is told at once and dialled again', async () => {
  hurry = 10
  start()
  const { socket } = await accepted()
  const again = accepted()
  socket.terminate()
  const { session } = await again
  assert.ok(lost >= 1)
  assert.equal(await ask(session), 'agent at /ping')
})

test('a request that is answered as its tunnel is lost harms nobody', async () => {
  hurry = 10
  const asked = new Promise<ServerHttp2Stream[]>(resolve => {
    const streams: ServerHttp2Stream[] = []
    handler = stream => {
      if (streams.push(stream) === 4) resolve(streams)
    }
  })
  start()
  const { socket, session } = await accepted()
  for (let requests = 0; requests < 4; requests++)
    session
      .request({ ':path': '/barrier' })
      .on('error', () => {})
      .end()
  const streams = await asked
  const answered = new Promise<void>(resolve => {
    onClosed = () => {
      for (const stream of streams) if (!stream.destroyed) stream.respond({ ':status': 204 }, { endStream: true })
      resolve()
    }
  })
  handler = serveName
  const again = accepted()
  socket.terminate()
  await answered
  assert.equal(await ask((await again).session), 'agent at /ping')
})

test('a server that stops pinging is given up', async () => {
  hurry = 10
  start()
  const { socket } = await accepted()
  socket.ping()
  const at = systemClock.monotonic()
  const again = accepted()
  await again
  const elapsedMs = (systemClock.monotonic() - at) * hurry
  assert.ok(elapsedMs > 2500 && elapsedMs < 10_000, `${elapsedMs}`)
})

test('a server that pings is kept', async () => {
  hurry = 10
  start()
  const { socket, session } = await accepted()
  for (let pings = 0; pings < 10; pings++) {
    socket.ping()
    await Promise.all([once(socket, 'pong'), systemClock.sleep(1000 / hurry)])
  }
  assert.equal(await ask(session), 'agent at /ping')
  assert.equal(lost, 0)
})

test('shutting down says why', async () => {
  const running = start()
  const { socket, session } = await accepted()
  await ask(session)
  const closed = once(socket, 'close')
  stop.abort()
  const [code, reason] = await closed
  assert.deepEqual([code, String(reason)], [1001, 'upgrade'])
  await running.stopped
})

test('a server that cannot be reached is told again and again, and does not hold up the others', async () => {
  hurry = 20
  const nowhere = 'http://127.0.0.1:1'
  const running = start([url, nowhere])
  const { session } = await accepted()
  assert.equal(await ask(session), 'agent at /ping')
  while (lost < 3) await systemClock.sleep(10)
  assert.deepEqual(running.down, [nowhere])
})

test('setServers() closes what is no longer named, and dials what is new', async () => {
  const running = start()
  const { socket } = await accepted()
  const closed = once(socket, 'close')
  running.setServers([])
  await closed
  const back = accepted()
  running.setServers([url])
  const { session } = await back
  assert.equal(await ask(session), 'agent at /ping')
})
