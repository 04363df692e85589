import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { apiError, CHANNELS, encodeFrame, readFrames, type Status } from '@davit/api'
import { WebSocket } from 'ws'
import { pod, startCluster, type TestCluster } from '../testing/cluster.ts'
import { SpdyTestClient } from '../testing/spdy-test-client.ts'

const SUCCESS = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', code: 200 } satisfies Status
const EXIT_3: Status = {
  ...apiError('InternalError', 'command terminated with non-zero exit code: exit status 3').status,
  reason: 'NonZeroExitCode',
  details: { causes: [{ reason: 'ExitCode', message: '3' }] },
}

let cluster: TestCluster
beforeEach(async () => {
  cluster = await startCluster()
  cluster.pods.set('web', pod('web'))
})
afterEach(() => cluster.close())

function frame(channel: number, payload: string): Buffer {
  return encodeFrame(channel, Buffer.from(payload))
}

/** An agent whose command writes this and ends so. */
function command(output: readonly Buffer[], status: Status) {
  return (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200 })
    for (const chunk of output) stream.write(chunk)
    stream.end(encodeFrame(CHANNELS.error, Buffer.from(JSON.stringify(status))))
  }
}

/** An agent whose command gives back what it reads, and ends when that does. */
async function echo(stream: ServerHttp2Stream): Promise<void> {
  stream.respond({ ':status': 200 })
  for await (const { channel, payload } of readFrames(stream)) {
    // Over SPDY a size may come after the end of stdin: they are different streams.
    if (stream.writableEnded) return
    if (channel === CHANNELS.stdin) stream.write(encodeFrame(CHANNELS.stdout, payload))
    if (channel === CHANNELS.resize) stream.write(frame(CHANNELS.stderr, `size ${payload}`))
    if (channel === CHANNELS.close) stream.end(encodeFrame(CHANNELS.error, Buffer.from(JSON.stringify(SUCCESS))))
  }
}

interface Closed {
  readonly code: number
  readonly channels: Map<number, string>
}

function dial(query: string, protocols: string[] = ['v5.channel.k8s.io'], path = 'web/exec'): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${cluster.port}/${path}?${query}`, protocols, { perMessageDeflate: false })
}

function outcome(socket: WebSocket): Promise<Closed> {
  const channels = new Map<number, string>()
  socket.on('message', (data, isBinary) => {
    const message = data as Buffer
    const channel = isBinary ? message[0]! : Number(String.fromCharCode(message[0]!))
    const payload = isBinary ? message.subarray(1).toString() : Buffer.from(message.subarray(1).toString(), 'base64').toString()
    channels.set(channel, (channels.get(channel) ?? '') + payload)
  })
  return new Promise((resolve, reject) => {
    socket.once('close', code => resolve({ code, channels }))
    socket.once('error', reject)
  })
}

/** The Status that refuses an upgrade. */
async function refusal(socket: WebSocket): Promise<{ code: number; message: string }> {
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage]
  const { message } = JSON.parse(await text(response)) as Status
  return { code: response.statusCode ?? 0, message: message ?? '' }
}

test('a command over WebSocket: output, errors, exit code, close 1000', async () => {
  let asked: URL | undefined
  cluster.handler = (stream, url) => {
    asked = url
    command([frame(CHANNELS.stdout, 'out'), frame(CHANNELS.stderr, 'err')], EXIT_3)(stream)
  }
  const socket = dial('command=sh&command=-c&command=exit+3&stdout=true&stderr=true')
  const { code, channels } = await outcome(socket)
  assert.equal(socket.protocol, 'v5.channel.k8s.io')
  assert.equal(code, 1000)
  assert.equal(channels.get(1), 'out')
  assert.equal(channels.get(2), 'err')
  const status = JSON.parse(channels.get(3) ?? '') as Status
  assert.equal(status.reason, 'NonZeroExitCode')
  assert.deepEqual(status.details?.causes, [{ reason: 'ExitCode', message: '3' }])
  assert.equal(asked?.pathname, '/exec/default/web/uid-web/main')
  assert.deepEqual(asked?.searchParams.getAll('command'), ['sh', '-c', 'exit 3'])
})

test('all of a long output arrives before the end is told', async () => {
  const piece = 'x'.repeat(30_000)
  cluster.handler = command(
    Array.from({ length: 300 }, () => frame(CHANNELS.stdout, piece)),
    SUCCESS,
  )
  const { code, channels } = await outcome(dial('command=a&stdout=true'))
  assert.equal(channels.get(1)?.length, 300 * piece.length)
  assert.deepEqual(JSON.parse(channels.get(3) ?? ''), { metadata: {}, status: 'Success' })
  assert.equal(code, 1000)
})

test('stdin, sizes and the end of stdin reach the command', async () => {
  cluster.handler = echo
  const socket = dial('command=cat&stdin=true&stdout=true')
  const ended = outcome(socket)
  await once(socket, 'open')
  socket.send(Buffer.from('\0hello'))
  socket.send(Buffer.from('\x04{"Width":80,"Height":24}'))
  socket.send(Buffer.from([255, 0]))
  const { channels } = await ended
  assert.equal(channels.get(1), 'hello')
  assert.equal(channels.get(2), 'size {"Width":80,"Height":24}')
})

for (const [protocols, wanted, error] of [
  [['v4.channel.k8s.io'], 'v4.channel.k8s.io', /"NonZeroExitCode"/],
  [['unknown', 'v2.channel.k8s.io', 'v4.channel.k8s.io'], 'v2.channel.k8s.io', /^command terminated/],
  [['base64.channel.k8s.io'], 'base64.channel.k8s.io', /^command terminated/],
  [[], '', /^command terminated/],
] as const) {
  test(`a client that offers [${protocols}] gets ${wanted || 'none'}`, async () => {
    cluster.handler = command([frame(CHANNELS.stdout, 'out')], EXIT_3)
    const socket = dial('command=a&stdout=true', [...protocols])
    const { channels } = await outcome(socket)
    assert.equal(socket.protocol, wanted)
    assert.equal(channels.get(1), 'out')
    assert.match(channels.get(3) ?? '', error)
  })
}

for (const [what, query, code, message] of [
  ['no such pod', 'gone/exec?command=a&stdout=true', 404, /"gone" not found/],
  ['no command', 'web/exec?stdout=true', 400, /at least 1 command/],
  ['no stream', 'web/exec?command=a', 400, /at least 1 of stdin, stdout, stderr/],
  ['a wrong container', 'web/exec?command=a&stdout=true&container=z', 400, /^container z is not valid for pod web$/],
  ['several containers', 'two/exec?command=a&stdout=true', 400, /^a container name must be specified for pod two, choose one of: \[a b\]$/],
  ['a finished pod', 'done/exec?command=a&stdout=true', 400, /completed pod; current phase is Succeeded/],
  ['a pod without a node', 'new/exec?command=a&stdout=true', 400, /^pod new does not have a host assigned$/],
  ['a node without a tunnel', 'far/exec?command=a&stdout=true', 503, /^node "node-2" has no tunnel to this replica since it started$/],
  ['what the agent refuses', 'web/exec?command=a&stdout=true', 400, /container not found/],
] as const) {
  test(`refused before the upgrade: ${what}`, async () => {
    const containers = [
      { name: 'a', image: 'x' },
      { name: 'b', image: 'x' },
    ]
    cluster.pods.set('two', pod('two', { spec: { containers } }))
    cluster.pods.set('done', pod('done', { phase: 'Succeeded' }))
    cluster.pods.set('new', pod('new', { spec: { nodeName: '' } }))
    cluster.pods.set('far', pod('far', { spec: { nodeName: 'node-2' } }))
    cluster.handler = stream => {
      const { status } = apiError('BadRequest', 'container not found ("main")')
      stream.respond({ ':status': 400, 'content-type': 'application/json' })
      stream.end(JSON.stringify(status))
    }
    const [path, rest] = query.split('?') as [string, string]
    const refused = await refusal(dial(rest, ['v5.channel.k8s.io'], path))
    assert.equal(refused.code, code)
    assert.match(refused.message, message)
  })
}

test('an unknown protocol is refused', async () => {
  const { code, message } = await refusal(dial('command=a&stdout=true', ['v9.channel.k8s.io']))
  assert.equal(code, 403)
  assert.match(message, /client supports \[v9.channel.k8s.io\], server accepts \[v5/)
})

test("the default container's annotation is heeded", async () => {
  const containers = [
    { name: 'a', image: 'x' },
    { name: 'b', image: 'x' },
  ]
  cluster.pods.set('two', pod('two', { spec: { containers }, annotations: { 'kubectl.kubernetes.io/default-container': 'b' } }))
  let path = ''
  cluster.handler = (stream, url) => {
    path = url.pathname
    command([], SUCCESS)(stream)
  }
  await outcome(dial('command=a&stdout=true', ['v5.channel.k8s.io'], 'two/exec'))
  assert.equal(path, '/exec/default/two/uid-two/b')
})

test('a client that goes away takes the command with it', async () => {
  const gone = new Promise<void>(resolve => {
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.once('close', () => resolve())
    }
  })
  const socket = dial('command=a&stdout=true')
  socket.on('error', () => {})
  await once(socket, 'open')
  socket.terminate()
  await gone
})

test('a tunnel that breaks is told as such', async () => {
  cluster.handler = stream => {
    stream.respond({ ':status': 200 })
    stream.write(frame(CHANNELS.stdout, 'so far'))
  }
  const socket = dial('command=a&stdout=true')
  const ended = outcome(socket)
  await once(socket, 'message')
  cluster.cut()
  const { code, channels } = await ended
  assert.equal(code, 1000)
  assert.match(channels.get(3) ?? '', /the connection to the node broke before the command ended/)
})

/** Upgrades to SPDY as kubectl up to 1.29 does. */
async function dialSpdy(query: string, protocols: string[]): Promise<{ socket: Duplex; protocol: string }> {
  const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocols, 'Content-Length': '0' }
  const asked = request({ port: cluster.port, host: '127.0.0.1', method: 'POST', path: `/web/exec?${query}`, headers })
  asked.end()
  const [response, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
  if (head.length > 0) socket.unshift(head)
  socket.on('error', () => {})
  return { socket, protocol: String(response.headers['x-stream-protocol-version']) }
}

test('a command over SPDY: a stream for each channel, exit code on the error stream', async () => {
  cluster.handler = command([frame(CHANNELS.stdout, 'out'), frame(CHANNELS.stderr, 'err')], EXIT_3)
  const { socket, protocol } = await dialSpdy('command=a&stdout=true&stderr=true', ['v5.channel.k8s.io', 'v4.channel.k8s.io'])
  assert.equal(protocol, 'v5.channel.k8s.io')
  const client = new SpdyTestClient(socket)
  const error = await client.open({ streamType: 'error' })
  const stdout = await client.open({ streamType: 'stdout' })
  const stderr = await client.open({ streamType: 'stderr' })
  const texts = await client.collect([error, stdout, stderr])
  assert.equal(texts.get(stdout), 'out')
  assert.equal(texts.get(stderr), 'err')
  assert.equal((JSON.parse(texts.get(error) ?? '') as Status).details?.causes?.[0]?.message, '3')
})

test('stdin over SPDY ends with its stream, and sizes come in lines', async () => {
  cluster.handler = echo
  const { socket } = await dialSpdy('command=cat&stdin=true&stdout=true&tty=true', ['v4.channel.k8s.io'])
  const client = new SpdyTestClient(socket)
  const error = await client.open({ streamType: 'error' })
  const stdin = await client.open({ streamType: 'stdin' })
  const stdout = await client.open({ streamType: 'stdout' })
  const resize = await client.open({ streamType: 'resize' })
  client.data(resize, '{"Width":80,"Hei')
  client.data(resize, 'ght":24}\n')
  client.data(stdin, 'hello')
  client.end(stdin)
  const texts = await client.collect([error, stdout])
  assert.equal(texts.get(stdout), 'hello')
  assert.deepEqual(JSON.parse(texts.get(error) ?? ''), { metadata: {}, status: 'Success' })
})

test('attach speaks as exec does, and needs no command', async () => {
  cluster.handler = echo
  const socket = dial('stdin=true&stdout=true&container=main', ['v5.channel.k8s.io', 'v4.channel.k8s.io'], 'web/attach')
  const ended = outcome(socket)
  await once(socket, 'open')
  socket.send(Buffer.from('\0hello'))
  socket.send(Buffer.from([255, 0]))
  const { channels } = await ended
  assert.deepEqual([socket.protocol, channels.get(1)], ['v5.channel.k8s.io', 'hello'])
})

for (const [protocol, error] of [
  ['v4.channel.k8s.io', /"NonZeroExitCode"/],
  ['v3.channel.k8s.io', /^command terminated/],
  ['v2.channel.k8s.io', /^command terminated/],
  ['channel.k8s.io', /^command terminated/],
] as const) {
  test(`a SPDY client that speaks ${protocol} is told the end as it knows it`, async () => {
    cluster.handler = command([frame(CHANNELS.stdout, 'out')], EXIT_3)
    const { socket, protocol: settled } = await dialSpdy('command=a&stdout=true', ['v9.channel.k8s.io', protocol])
    assert.equal(settled, protocol)
    const client = new SpdyTestClient(socket)
    const ids = [await client.open({ streamType: 'error' }), await client.open({ streamType: 'stdout' })] as const
    const texts = await client.collect(ids)
    assert.equal(texts.get(ids[1]), 'out')
    assert.match(texts.get(ids[0]) ?? '', error)
  })
}

test('a SPDY client that goes away takes the command with it', async () => {
  const gone = new Promise<void>(resolve => {
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.once('close', () => resolve())
    }
  })
  const { socket } = await dialSpdy('command=a&stdout=true', ['v4.channel.k8s.io'])
  const client = new SpdyTestClient(socket)
  await client.open({ streamType: 'error' })
  await client.open({ streamType: 'stdout' })
  socket.destroy()
  await gone
})
