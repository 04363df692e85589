import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, test } from 'node:test'
import { apiError } from '@davit/api'
import { createWebSocketStream, WebSocket } from 'ws'
import { pod, startCluster, type TestCluster } from '../testing/cluster.ts'
import { SpdyTestClient } from '../testing/spdy-test-client.ts'

let cluster: TestCluster
beforeEach(async () => {
  cluster = await startCluster()
  cluster.pods.set('web', pod('web'))
  // A pod that answers with what it is sent, and refuses port 81.
  cluster.handler = async (stream, url) => {
    if (url.searchParams.get('port') === '81') {
      stream.respond({ ':status': 503, 'content-type': 'application/json' })
      return void stream.end(JSON.stringify(apiError('ServiceUnavailable', 'connection refused').status))
    }
    stream.respond({ ':status': 200 })
    stream.write(`port ${url.searchParams.get('port')} `)
    stream.pipe(stream)
  }
})
afterEach(() => cluster.close())

async function overHttp(): Promise<Duplex> {
  const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'portforward.k8s.io', 'Content-Length': '0' }
  const asked = request({ port: cluster.port, host: '127.0.0.1', method: 'POST', path: '/web/portforward', headers })
  asked.end()
  const [response, socket, head] = (await once(asked, 'upgrade')) as [IncomingMessage, Duplex, Buffer]
  assert.equal(response.headers['x-stream-protocol-version'], 'portforward.k8s.io')
  if (head.length > 0) socket.unshift(head)
  return socket
}

async function overWebSocket(): Promise<Duplex> {
  // The ws library refuses the slash on its own side too, so it is told of the protocol by a header of its own.
  const headers = { 'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io' }
  const socket = new WebSocket(`ws://127.0.0.1:${cluster.port}/web/portforward`, { headers, perMessageDeflate: false })
  let answered: string | undefined
  socket.once('upgrade', response => {
    answered = response.headers['sec-websocket-protocol']
    // Not asked for as far as the library knows.
    delete response.headers['sec-websocket-protocol']
  })
  await once(socket, 'open')
  assert.equal(answered, 'SPDY/3.1+portforward.k8s.io')
  return createWebSocketStream(socket)
}

for (const [how, dial] of [
  ['SPDY', overHttp],
  ['SPDY inside a WebSocket', overWebSocket],
] as const) {
  test(`${how}: bytes go both ways, several connections at once`, async () => {
    const socket = await dial()
    socket.on('error', () => {})
    const client = new SpdyTestClient(socket)
    const ids: { error: number; data: number }[] = []
    for (const requestID of ['0', '1']) {
      const error = await client.open({ streamType: 'error', port: '80', requestID })
      client.end(error)
      const data = await client.open({ streamType: 'data', port: '80', requestID })
      client.data(data, `hello ${requestID}`)
      client.end(data)
      ids.push({ error, data })
    }
    const texts = await client.collect(ids.flatMap(({ error, data }) => [error, data]))
    assert.deepEqual(
      ids.map(({ data, error }) => [texts.get(data), texts.get(error)]),
      [
        ['port 80 hello 0', ''],
        ['port 80 hello 1', ''],
      ],
    )
    socket.destroy()
  })

  test(`${how}: what goes wrong comes on the error stream`, async () => {
    const socket = await dial()
    socket.on('error', () => {})
    const client = new SpdyTestClient(socket)
    const error = await client.open({ streamType: 'error', port: '81', requestID: '0' })
    await client.open({ streamType: 'data', port: '81', requestID: '0' })
    const texts = await client.collect([error])
    assert.equal(texts.get(error), 'connection refused')
    socket.destroy()
  })
}

test('a client that goes away ends its connections in the pod', async () => {
  let opened = () => {}
  const isOpen = new Promise<void>(resolve => {
    opened = resolve
  })
  const gone = new Promise<void>(resolve => {
    cluster.handler = stream => {
      stream.respond({ ':status': 200 })
      stream.once('close', () => resolve())
      opened()
    }
  })
  const socket = await overHttp()
  socket.on('error', () => {})
  const client = new SpdyTestClient(socket)
  await client.open({ streamType: 'error', port: '80', requestID: '0' })
  await client.open({ streamType: 'data', port: '80', requestID: '0' })
  await isOpen
  socket.destroy()
  await gone
})

test('channels, as the Python client has them', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${cluster.port}/web/portforward?ports=80,81`, ['v4.channel.k8s.io'])
  const channels = new Map<number, Buffer>()
  const heard = new Promise<void>(resolve => {
    socket.on('message', data => {
      const message = data as Buffer
      channels.set(message[0]!, Buffer.concat([channels.get(message[0]!) ?? Buffer.alloc(0), message.subarray(1)]))
      if (String(channels.get(0)).endsWith('hello') && (channels.get(3)?.length ?? 0) > 2) resolve()
    })
  })
  await once(socket, 'open')
  socket.send(Buffer.from('\0hello'))
  await heard
  assert.equal(channels.get(0)?.readUInt16LE(0), 80)
  assert.equal(channels.get(1)?.readUInt16LE(0), 80)
  assert.equal(channels.get(3)?.readUInt16LE(0), 81)
  assert.equal(channels.get(0)?.subarray(2).toString(), 'port 80 hello')
  assert.equal(channels.get(3)?.subarray(2).toString(), 'connection refused')
  socket.terminate()
})
