/** Docker's own framing of a container's output without a terminal: one byte stream, three of padding, four of length, payload. */
import type { Readable } from 'node:stream'
import { ByteReader, CHANNELS, chunksOf, type StreamFrame } from '@davit/api'

const HEADER_BYTES = 8
/** Larger payloads are handed on in pieces. */
const PIECE_BYTES_MAX = 64 << 10

/** A container's output by channel (stdout or stderr), in pieces as they come. Leaves the stream itself open. */
export async function* readOutput(stream: Readable, { tty }: { tty: boolean }): AsyncGenerator<StreamFrame, void, void> {
  const reader = new ByteReader(chunksOf(stream))
  for (;;) {
    if (tty) {
      const payload = await reader.readSome(PIECE_BYTES_MAX)
      if (!payload) return
      yield { channel: CHANNELS.stdout, payload }
      continue
    }
    const header = await reader.read(HEADER_BYTES)
    if (!header) return
    const channel = header.readUInt8(0) === 2 ? CHANNELS.stderr : CHANNELS.stdout
    for (let left = header.readUInt32BE(4); left > 0; ) {
      const payload = await reader.readSome(Math.min(left, PIECE_BYTES_MAX))
      if (!payload) return
      left -= payload.length
      yield { channel, payload }
    }
  }
}
