import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { readOutput } from './docker-frames.ts'

function framed(stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt8(stream, 0)
  header.writeUInt32BE(payload.length, 4)
  return Buffer.concat([header, payload])
}

async function byChannel(stream: Readable, tty: boolean): Promise<Record<number, string>> {
  const texts: Record<number, string> = {}
  for await (const { channel, payload } of readOutput(stream, { tty })) texts[channel] = (texts[channel] ?? '') + payload.toString('hex')
  return texts
}

test('readOutput() takes the streams apart, however the bytes are cut', async () => {
  const frames = fc.array(fc.record({ stream: fc.constantFrom(1, 2), payload: fc.uint8Array({ minLength: 1, maxLength: 100 }) }))
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 40 }), async (sent, size) => {
      const bytes = Buffer.concat(sent.map(({ stream, payload }) => framed(stream, payload)))
      const chunks: Buffer[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
      const wanted: Record<number, string> = {}
      for (const { stream, payload } of sent) wanted[stream] = (wanted[stream] ?? '') + Buffer.from(payload).toString('hex')
      assert.deepEqual(await byChannel(Readable.from(chunks), false), wanted)
    }),
  )
})

test('readOutput() passes a terminal through', async () => {
  assert.deepEqual(await byChannel(Readable.from([Buffer.from('ab'), Buffer.from('c')]), true), { 1: Buffer.from('abc').toString('hex') })
})
