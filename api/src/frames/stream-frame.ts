/** Frames of exec and attach inside a tunnel: one byte channel (`CHANNELS`), four bytes length (big endian), payload. */
import type { Readable, Writable } from 'node:stream'
import { ByteReader } from './byte-reader.ts'

export interface StreamFrame {
  /** One of `CHANNELS`. */
  readonly channel: number
  readonly payload: Buffer
}

const HEADER_BYTES = 5
/** Nothing that Davit itself sends is larger; a greater length means that the stream is out of step. */
export const FRAME_BYTES_MAX = 4 << 20

/** Throws when `payload` is larger than `FRAME_BYTES_MAX`. */
export function encodeFrame(channel: number, payload: Uint8Array): Buffer {
  if (payload.length > FRAME_BYTES_MAX) throw new Error(`Cannot frame ${payload.length} bytes, at most ${FRAME_BYTES_MAX} are allowed`)
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.writeUInt8(channel, 0)
  frame.writeUInt32BE(payload.length, 1)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** The frames of a stream; throws when one is too large or the stream ends inside one. Leaves the stream itself open. */
export async function* readFrames(stream: Readable): AsyncGenerator<StreamFrame, void, void> {
  const reader = new ByteReader(chunksOf(stream))
  for (;;) {
    const header = await reader.read(HEADER_BYTES)
    if (!header) return
    const length = header.readUInt32BE(1)
    if (length > FRAME_BYTES_MAX) throw new Error(`Cannot read a frame of ${length} bytes, at most ${FRAME_BYTES_MAX} are allowed`)
    const payload = length === 0 ? Buffer.alloc(0) : await reader.read(length)
    if (!payload) throw new Error('Cannot read a frame: the stream ended after its header')
    yield { channel: header.readUInt8(0), payload }
  }
}

/** Iterates over a stream without destroying it afterwards, so that the other way of a duplex stays open. */
export function chunksOf(stream: Readable): AsyncIterable<Buffer> {
  return stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
}

/** Writes, and waits while the stream has enough; false when the stream is closed. Never rejects. */
export function writeChunk(stream: Writable, chunk: Buffer | string): Promise<boolean> {
  return new Promise(resolve => {
    if (stream.destroyed || stream.writableEnded) return resolve(false)
    if (stream.write(chunk)) return resolve(true)
    const settle = () => {
      stream.off('drain', settle)
      stream.off('close', settle)
      stream.off('error', settle)
      resolve(!stream.destroyed)
    }
    stream.on('drain', settle)
    stream.on('close', settle)
    stream.on('error', settle)
  })
}
