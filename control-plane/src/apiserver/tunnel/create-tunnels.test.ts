import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { ApiError, type Clock, type Logger, systemClock } from '@davit/api'
import { createWebSocketStream, WebSocket } from 'ws'
import { type AcceptingTunnels, createTunnels } from './create-tunnels.ts'

const log: Logger = { debug() {}, info() {}, warn() {}, error() {} }

let server: Server
let tunnels: AcceptingTunnels
let stop: AbortController
let stepped: { aheadMs: number }

beforeEach(async () => {
  stop = new AbortController()
  stepped = { aheadMs: 0 }
  // Time can be moved forward; sleeping takes hardly any.
  const clock: Clock = {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic() + stepped.aheadMs,
    sleep: (_ms, signal) => systemClock.sleep(5, signal),
  }
  tunnels = createTunnels({ clock, log, signal: stop.signal })
  server = createHttpServer()
  server.on('upgrade', (request, socket, head) => tunnels.accept(request, socket, head, request.headers['x-node'] as string))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  await tunnels.close()
  server.closeAllConnections()
  server.close()
})

type Serve = (stream: ServerHttp2Stream, path: string) => void

/** An agent as far as a tunnel needs one. */
async function agent(node: string, serve: Serve = stream => stream.respond({ ':status': 204 }, { endStream: true })) {
  const opened = changed(node)
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    headers: { 'x-node': node },
    perMessageDeflate: false,
  })
  const http = createHttp2Server()
  http.on('session', session => session.on('error', () => {}))
  http.on('stream', (stream, headers) =>
    serve(
      stream.on('error', () => {}),
      String(headers[':path']),
    ),
  )
  // In the same turn: what the control plane sends at once must find a listener.
  socket.once('open', () =>
    http.emit(
      'connection',
      createWebSocketStream(socket).on('error', () => {}),
    ),
  )
  await Promise.all([opened, once(socket, 'open')])
  return socket
}

function changed(node: string): Promise<void> {
  return new Promise(resolve => {
    const off = tunnels.onChange(name => {
      if (name !== node) return
      off()
      resolve()
    })
  })
}

async function get(node: string, path: string): Promise<{ status: number; body: string }> {
  const stream = (await tunnels.session(node)).request({ ':path': path })
  const [headers] = await once(stream, 'response')
  return { status: Number(headers[':status']), body: await text(stream) }
}

test('session() reaches the agent that dialled', async () => {
  await agent('a', (stream, path) => {
    stream.respond({ ':status': 200 })
    stream.end(`you asked for ${path}`)
  })
  assert.deepEqual(await get('a', '/ping?x=1'), { status: 200, body: 'you asked for /ping?x=1' })
  assert.deepEqual(tunnels.nodes(), ['a'])
  const { connected, silentMs } = tunnels.state('a')
  assert.equal(connected, true)
  assert.ok(silentMs < 1000)
})

test('session() names a node without a tunnel', async () => {
  await assert.rejects(
    tunnels.session('b'),
    (err: unknown) =>
      err instanceof ApiError && err.code === 503 && err.message === 'node "b" has no tunnel to this replica since it started',
  )
  assert.deepEqual(tunnels.state('b'), { connected: false, silentMs: Number.POSITIVE_INFINITY })
})

test('a close keeps the reason the agent gave', async () => {
  const socket = await agent('a')
  const closed = changed('a')
  socket.close(1001, 'upgrade')
  await closed
  const { connected, closeReason, closedMs = Number.NaN } = tunnels.state('a')
  assert.deepEqual({ connected, closeReason }, { connected: false, closeReason: 'upgrade' })
  assert.ok(closedMs >= 0 && closedMs < 1000)
  await assert.rejects(tunnels.session('a'), /no tunnel to this replica since \d{4}-/)
  assert.deepEqual(tunnels.nodes(), [])
})

test('a cut connection leaves no reason, and fails what was under way', async () => {
  const socket = await agent('a', () => {})
  const stream = (await tunnels.session('a')).request({ ':path': '/' })
  stream.on('error', () => {})
  const closed = changed('a')
  const streamClosed = new Promise<void>(resolve => stream.once('close', () => resolve()))
  socket.terminate()
  await Promise.all([closed, streamClosed])
  assert.equal(tunnels.state('a').closeReason, undefined)
})

test('a second tunnel of a node replaces the first', async () => {
  const first = await agent('a')
  const closed = once(first, 'close')
  await agent('a', stream => {
    stream.respond({ ':status': 200 })
    stream.end('second')
  })
  const [code] = await closed
  assert.equal(code, 4001)
  assert.equal(tunnels.state('a').connected, true)
  assert.equal((await get('a', '/')).body, 'second')
})

test('a tunnel that falls silent is told, and cut in the end as of when it was last heard', async () => {
  const socket = await agent('a')
  socket.pause()
  const silent = changed('a')
  stepped.aheadMs = 3000
  await silent
  assert.equal(tunnels.state('a').connected, true)
  assert.ok(tunnels.state('a').silentMs > 2500)
  // What was on its way may still be heard: then it falls silent once more.
  while (tunnels.state('a').connected) {
    const next = changed('a')
    stepped.aheadMs += 20_000
    await next
  }
  const { closedMs = 0 } = tunnels.state('a')
  assert.ok(closedMs >= 15_000)
  socket.terminate()
})

test('shutting down says so to the agents', async () => {
  const socket = await agent('a')
  const closed = once(socket, 'close')
  stop.abort()
  const [code, reason] = await closed
  assert.deepEqual([code, String(reason)], [1001, 'restart'])
})

test('bulk goes both ways at once', async () => {
  await agent('a', stream => {
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  })
  const stream = (await tunnels.session('a')).request({ ':method': 'POST', ':path': '/' })
  const sent = 20 << 20
  let got = 0
  stream.on('data', (chunk: Buffer) => {
    got += chunk.length
  })
  for (let at = 0; at < sent; at += 1 << 16) if (!stream.write(Buffer.alloc(1 << 16))) await once(stream, 'drain')
  stream.end()
  await once(stream, 'end')
  assert.equal(got, sent)
})
