import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { afterEach, test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { chunksOf } from '@davit/api'
import fc from 'fast-check'
import { SpdyTestClient } from '../testing/spdy-test-client.ts'
import { SPDY_DICTIONARY } from './dictionary.ts'
import { controlFrame, FLAG_FIN, FRAME } from './frames.ts'
import { HeaderDecoder, HeaderEncoder } from './header-block.ts'
import { SpdyConnection } from './spdy-connection.ts'
import type { SpdyStream } from './spdy-stream.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** Both ends of a TCP connection. */
async function socketPair(): Promise<[Socket, Socket]> {
  const server: Server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' })
  client.on('error', () => {})
  const [serverSide] = await accepted
  closers.push(() => {
    client.destroy()
    serverSide.destroy()
    server.close()
  })
  return [client, serverSide]
}

async function expectReply(client: SpdyTestClient, id: number): Promise<void> {
  const frame = await client.next()
  assert.ok(frame?.type === 'control' && frame.control === FRAME.synReply)
  assert.equal(frame.payload.readUInt32BE(0), id)
  assert.equal(await client.headerCount(frame), 0)
}

/** A client, and a server that collects the streams it opens. */
async function start(): Promise<{
  client: SpdyTestClient
  connection: SpdyConnection
  ended: Promise<void>
  nextStream: () => Promise<SpdyStream>
}> {
  const [clientSide, serverSide] = await socketPair()
  const streams: SpdyStream[] = []
  let wake = () => {}
  const connection = new SpdyConnection(serverSide, {
    onStream(stream) {
      streams.push(stream)
      wake()
    },
  })
  const nextStream = async () => {
    while (streams.length === 0) {
      await new Promise<void>(resolve => {
        wake = resolve
      })
    }
    return streams.shift() as SpdyStream
  }
  return { client: new SpdyTestClient(clientSide), connection, ended: connection.run(), nextStream }
}

test('the dictionary is the one the specification has', () => {
  assert.equal(SPDY_DICTIONARY.length, 1423)
  let [a, b] = [1, 0]
  for (const byte of SPDY_DICTIONARY) {
    a = (a + byte) % 65_521
    b = (b + a) % 65_521
  }
  // Adler-32, by which zlib names a dictionary.
  assert.equal(((b << 16) | a) >>> 0, 0xe3c6a7c2)
})

test('headers survive their way, block after block through one compression', async () => {
  const headers = fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,20}$/), fc.string({ maxLength: 200 }), { maxKeys: 8 })
  await fc.assert(
    fc.asyncProperty(fc.array(headers, { maxLength: 6 }), async blocks => {
      const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()]
      const encoded = await Promise.all(blocks.map(block => encoder.encode(new Map(Object.entries(block)))))
      const decoded = []
      for (const block of encoded) decoded.push(await decoder.decode(block))
      assert.deepEqual(
        decoded.map(block => [...block]),
        blocks.map(block => Object.entries(block)),
      )
      encoder.close()
      decoder.close()
    }),
    { numRuns: 30 },
  )
})

test('a block that grows without bound is refused', async () => {
  const [encoder, decoder] = [new HeaderEncoder(), new HeaderDecoder()]
  const bomb = await encoder.encode(new Map([['a', 'x'.repeat(60_000)]]))
  await decoder.decode(bomb)
  const huge = deflateSync(Buffer.alloc(10 << 20), { dictionary: SPDY_DICTIONARY })
  const other = new HeaderDecoder()
  await assert.rejects(other.decode(huge), /more than|closed/)
  for (const codec of [encoder, decoder, other]) codec.close()
})

test('a stream carries bytes both ways and closes each way by itself', async () => {
  const { client, nextStream } = await start()
  const id = await client.open({ streamType: 'data', port: '80' })
  await expectReply(client, id)
  const stream = await nextStream()
  assert.equal(stream.headers.get('streamtype'), 'data')
  assert.equal(stream.headers.get('port'), '80')

  client.data(id, 'hello ')
  client.data(id, 'there', FLAG_FIN)
  assert.equal(await text(chunksOf(stream) as unknown as NodeJS.ReadableStream), 'hello there')
  stream.end('bye')
  const answer = await client.next()
  assert.ok(answer?.type === 'data' && answer.streamId === id)
  assert.equal(answer.payload.toString(), 'bye')
  const fin = await client.next()
  assert.ok(fin?.type === 'data' && fin.flags === FLAG_FIN && fin.payload.length === 0)
})

test('pings are answered, also while a stream is open', async () => {
  const { client } = await start()
  client.socket.write(controlFrame(FRAME.ping, [7]))
  const pong = await client.next()
  assert.ok(pong?.type === 'control' && pong.control === FRAME.ping)
  assert.equal(pong.payload.readUInt32BE(0), 7)
})

test('a stream that the client resets is destroyed, and one destroyed here is reset there', async () => {
  const { client, nextStream } = await start()
  const first = await client.open({ streamType: 'data' })
  await expectReply(client, first)
  const stream = await nextStream()
  client.socket.write(controlFrame(FRAME.rstStream, [first, 5]))
  await once(stream, 'close')

  const second = await client.open({ streamType: 'data' })
  await expectReply(client, second)
  ;(await nextStream()).destroy()
  const reset = await client.next()
  assert.ok(reset?.type === 'control' && reset.control === FRAME.rstStream)
  assert.equal(reset.payload.readUInt32BE(0), second)
})

test('a stream nobody reads holds the sender back and loses nothing', async () => {
  const { client, nextStream } = await start()
  const id = await client.open({ streamType: 'data' })
  await expectReply(client, id)
  const stream = await nextStream()
  const piece = Buffer.alloc(32 << 10, 1)
  const count = 1000
  let sent = 0
  // As fast as the socket takes them; it must stop taking long before the end.
  while (sent < count) {
    client.data(id, piece)
    sent++
    if (client.socket.writableNeedDrain && !(await drained(client.socket, 100))) break
  }
  assert.ok(sent < count, 'the connection should have pushed back')
  assert.ok(stream.readableLength < 1 << 20)
  const received = buffer(stream)
  for (; sent < count; sent++) client.data(id, piece)
  client.data(id, '', FLAG_FIN)
  assert.equal((await received).length, count * piece.length)
})

async function drained(socket: Duplex, ms: number): Promise<boolean> {
  try {
    await once(socket, 'drain', { signal: AbortSignal.timeout(ms) })
    return true
  } catch {
    return false
  }
}

test('what is no SPDY ends the connection', async () => {
  const { client, ended } = await start()
  client.socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await ended
  client.socket.resume()
})

for (const [what, bytes] of [
  ['another version', Buffer.from([0x80, 2, 0, 1, 0, 0, 0, 0])],
  ['a frame of absurd length', Buffer.from([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff])],
  ['a stream without a body', controlFrame(FRAME.synStream, [1])],
  ['headers that are not compressed', controlFrame(FRAME.synStream, [1, 0], Buffer.from('  nonsense'))],
] as const) {
  test(`${what} ends the connection`, async () => {
    const { client, ended } = await start()
    client.socket.write(bytes)
    await ended
    const frame = await client.next()
    assert.ok(frame === undefined || (frame.type === 'control' && frame.control === FRAME.goAway))
  })
}

test('random bytes never throw', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async bytes => {
      const { client, ended } = await start()
      client.socket.end(bytes)
      await ended
      for (const close of closers.splice(0)) close()
    }),
    { numRuns: 50 },
  )
})

test('the end of the connection ends its streams', async () => {
  const { client, ended, nextStream } = await start()
  const id = await client.open({ streamType: 'data' })
  await expectReply(client, id)
  const stream = await nextStream()
  const closed = once(stream, 'close')
  client.socket.destroy()
  await Promise.all([closed, ended])
})
