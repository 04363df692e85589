/**
 * Encryption of a stream in chunks, each authenticated as it is read. A chunk's nonce is its number and whether it is the last, so
 * none can be changed, moved, left out or repeated, nor the end cut off. The key belongs to one stream alone, so no nonce repeats.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { ByteReader } from '../frames/byte-reader.ts'
import { ArchiveError } from './archive-error.ts'

const TAG_BYTES = 16
const CHUNKS_MAX = 2 ** 32

export interface SealOptions {
  /** 32 bytes. */
  readonly key: Buffer
  /** Authenticated with every chunk. */
  readonly header: Buffer
  readonly chunkBytes: number
}

type Source = AsyncIterable<Buffer>

export async function* seal(plain: Source, { key, header, chunkBytes }: SealOptions): AsyncGenerator<Buffer, void, void> {
  for await (const { bytes, index, isLast } of chunks(new ByteReader(plain), chunkBytes)) {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index, isLast)).setAAD(header)
    yield Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
  }
}

/** The plain bytes, each chunk once it is known to be genuine; throws ArchiveError at the first that is not. */
export async function* unseal(reader: ByteReader, { key, header, chunkBytes }: SealOptions): AsyncGenerator<Buffer, void, void> {
  for await (const { bytes, index, isLast } of chunks(reader, chunkBytes + TAG_BYTES)) {
    const plain = open(bytes, { key, header, nonce: nonceOf(index, isLast) })
    if (plain) {
      yield plain
      continue
    }
    const goesOn = isLast && open(bytes, { key, header, nonce: nonceOf(index, false) }) !== undefined
    if (isLast && (goesOn || bytes.length < TAG_BYTES)) throw new ArchiveError('it is truncated: its end is missing; fetch it again')
    throw new ArchiveError(
      isLast
        ? 'it is truncated or damaged at its end; fetch it again, or use another'
        : `it is damaged, about ${index * chunkBytes} bytes from its beginning; fetch it again, or use another`,
    )
  }
}

/** Always at least one chunk; the last may be short, even empty. */
async function* chunks(reader: ByteReader, length: number) {
  let bytes = await readUpTo(reader, length)
  for (let index = 0; ; index++) {
    if (index === CHUNKS_MAX) throw new ArchiveError(`it has more than ${CHUNKS_MAX} chunks`)
    const next = bytes.length < length ? Buffer.alloc(0) : await readUpTo(reader, length)
    yield { bytes, index, isLast: next.length === 0 }
    if (next.length === 0) return
    bytes = next
  }
}

async function readUpTo(reader: ByteReader, length: number): Promise<Buffer> {
  const parts: Buffer[] = []
  let left = length
  while (left > 0) {
    const part = await reader.readSome(left)
    if (!part) break
    parts.push(part)
    left -= part.length
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

function open(sealed: Buffer, { key, header, nonce }: { key: Buffer; header: Buffer; nonce: Buffer }): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined
  const end = sealed.length - TAG_BYTES
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(header).setAuthTag(sealed.subarray(end))
  const plain = decipher.update(sealed.subarray(0, end))
  try {
    decipher.final()
    return plain
  } catch {
    return undefined
  }
}

function nonceOf(index: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 7)
  nonce.writeUInt8(isLast ? 1 : 0, 11)
  return nonce
}
