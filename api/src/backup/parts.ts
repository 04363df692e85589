/** Named parts one after the other in one stream, of lengths that need not be known beforehand. */
import type { ByteReader } from '../frames/byte-reader.ts'
import { ArchiveError } from './archive-error.ts'

export interface Part {
  readonly name: string
  readonly content: AsyncIterable<Buffer> | Iterable<Buffer>
}

const NAME_BYTES_MAX = 255
const PIECE_BYTES_MAX = 16 * 1024 * 1024

/** Each part as its name, its pieces and an empty piece; an empty name ends all. */
export async function* encodeParts(parts: AsyncIterable<Part>): AsyncGenerator<Buffer, void, void> {
  for await (const { name, content } of parts) {
    yield* piece(Buffer.from(name))
    for await (const bytes of content) {
      for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX) yield* piece(bytes.subarray(at, at + PIECE_BYTES_MAX))
    }
    yield lengthOf(0)
  }
  yield lengthOf(0)
}

/** Each part's content must be read to its end before the next part is asked for. Throws ArchiveError. */
export async function* decodeParts(reader: ByteReader): AsyncGenerator<Part & { content: AsyncIterable<Buffer> }, void, void> {
  for (;;) {
    const name = await readPiece(reader, NAME_BYTES_MAX)
    if (name.length === 0) break
    yield { name: name.toString(), content: pieces(reader) }
  }
  // What is behind the end is authenticated too, and there must be none.
  if ((await reader.readSome(1)) !== undefined) throw new ArchiveError('it is damaged: it goes on after its end')
}

async function* pieces(reader: ByteReader): AsyncGenerator<Buffer, void, void> {
  for (;;) {
    const bytes = await readPiece(reader, PIECE_BYTES_MAX)
    if (bytes.length === 0) return
    yield bytes
  }
}

async function readPiece(reader: ByteReader, lengthMax: number): Promise<Buffer> {
  const length = (await reader.read(4))?.readUInt32BE()
  if (length === undefined || length > lengthMax) throw new ArchiveError('it is damaged: its parts do not follow each other')
  if (length === 0) return Buffer.alloc(0)
  return (await reader.read(length)) ?? Buffer.alloc(0)
}

function* piece(bytes: Buffer): Generator<Buffer, void, void> {
  if (bytes.length === 0) return
  yield lengthOf(bytes.length)
  yield bytes
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(length)
  return bytes
}
