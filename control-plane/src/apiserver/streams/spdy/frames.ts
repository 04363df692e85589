/** SPDY/3.1 frames as bytes; headers stay compressed here. */
import type { ByteReader } from '@davit/api'

export const FRAME = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const
export const FLAG_FIN = 1
export const RESET = { protocolError: 1, refusedStream: 3, cancel: 5, internalError: 6 } as const

const VERSION = 3
const HEAD_BYTES = 8
/** Clients cut what they write into 32 KiB. */
export const DATA_BYTES_MAX = 4 << 20
const CONTROL_BYTES_MAX = 64 << 10

export type Frame =
  | { readonly type: 'data'; readonly streamId: number; readonly flags: number; readonly payload: Buffer }
  | { readonly type: 'control'; readonly control: number; readonly flags: number; readonly payload: Buffer }

/** The next frame; undefined at the end. Throws when it is too large, of another version, or cut off. */
export async function readFrame(reader: ByteReader): Promise<Frame | undefined> {
  const head = await reader.read(HEAD_BYTES)
  if (!head) return undefined
  const isControl = head.readUInt8(0) >= 0x80
  const flags = head.readUInt8(4)
  const length = head.readUIntBE(5, 3)
  const lengthMax = isControl ? CONTROL_BYTES_MAX : DATA_BYTES_MAX
  if (length > lengthMax) throw new Error(`Cannot read a SPDY frame of ${length} bytes, at most ${lengthMax} are allowed`)
  if (isControl && (head.readUInt16BE(0) & 0x7fff) !== VERSION) {
    throw new Error(`Cannot read SPDY version ${head.readUInt16BE(0) & 0x7fff}, wanted ${VERSION}`)
  }
  const payload = length === 0 ? Buffer.alloc(0) : await reader.read(length)
  if (!payload) throw new Error('Cannot read a SPDY frame: the connection ended after its head')
  if (isControl) return { type: 'control', control: head.readUInt16BE(2), flags, payload }
  return { type: 'data', streamId: head.readUInt32BE(0) & 0x7fff_ffff, flags, payload }
}

/** A data frame's head; its payload follows. */
export function dataHead(streamId: number, length: number, flags = 0): Buffer {
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(streamId, 0)
  head.writeUInt8(flags, 4)
  head.writeUIntBE(length, 5, 3)
  return head
}

/** A control frame: numbers of four bytes each, then what follows them. */
export function controlFrame(control: number, numbers: readonly number[], rest: Buffer = Buffer.alloc(0), flags = 0): Buffer {
  const frame = Buffer.alloc(HEAD_BYTES + numbers.length * 4 + rest.length)
  frame.writeUInt16BE(0x8000 | VERSION, 0)
  frame.writeUInt16BE(control, 2)
  frame.writeUInt8(flags, 4)
  frame.writeUIntBE(frame.length - HEAD_BYTES, 5, 3)
  numbers.forEach((number, index) => void frame.writeUInt32BE(number >>> 0, HEAD_BYTES + index * 4))
  rest.copy(frame, HEAD_BYTES + numbers.length * 4)
  return frame
}
