import assert from 'node:assert/strict'
import { PassThrough, Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteReader } from './byte-reader.ts'
import { encodeFrame, FRAME_BYTES_MAX, readFrames, type StreamFrame, writeChunk } from './stream-frame.ts'

const frames = fc.array(fc.record({ channel: fc.nat(255), payload: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 20 })

async function readAll(stream: Readable): Promise<StreamFrame[]> {
  const read: StreamFrame[] = []
  for await (const frame of readFrames(stream)) read.push(frame)
  return read
}

test('readFrames() gives back what encodeFrame() made, however the bytes are cut', async () => {
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 50 }), async (sent, size) => {
      const bytes = Buffer.concat(sent.map(({ channel, payload }) => encodeFrame(channel, payload)))
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      const read = await readAll(Readable.from(chunks))
      assert.deepEqual(
        read.map(({ channel, payload }) => [channel, payload.toString('hex')]),
        sent.map(({ channel, payload }) => [channel, Buffer.from(payload).toString('hex')]),
      )
    }),
  )
})

test('readFrames() rejects a stream that ends inside a frame', async () => {
  await assert.rejects(readAll(Readable.from([encodeFrame(1, Buffer.from('abc')).subarray(0, 6)])), /ended/)
  await assert.rejects(readAll(Readable.from([encodeFrame(1, Buffer.from('abc')).subarray(0, 5)])), /ended/)
  await assert.rejects(readAll(Readable.from([encodeFrame(1, Buffer.from('abc')).subarray(0, 2)])), /ended/)
})

test('readFrames() rejects a length out of all reason', async () => {
  const header = Buffer.from([1, 0xff, 0xff, 0xff, 0xff])
  await assert.rejects(readAll(Readable.from([header])), /at most/)
  assert.throws(() => encodeFrame(1, Buffer.alloc(FRAME_BYTES_MAX + 1)), /at most/)
})

test('ByteReader.readSome() gives bytes as they come', async () => {
  const reader = new ByteReader(Readable.from([Buffer.from('abc'), Buffer.from('de')]))
  assert.equal(String(await reader.readSome(2)), 'ab')
  assert.equal(String(await reader.readSome(10)), 'c')
  assert.equal(String(await reader.readSome(10)), 'de')
  assert.equal(await reader.readSome(10), undefined)
})

test('writeChunk() waits for drain, and resolves when the stream goes away', async () => {
  const stream = new PassThrough({ highWaterMark: 4 })
  assert.equal(await writeChunk(stream, 'ab'), true)
  const waiting = writeChunk(stream, 'cdef')
  stream.resume()
  assert.equal(await waiting, true)
  stream.pause()
  const stuck = writeChunk(stream, 'x'.repeat(100))
  stream.destroy()
  assert.equal(await stuck, false)
  assert.equal(await writeChunk(stream, 'y'), false)
})
