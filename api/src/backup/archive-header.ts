/** The only part of an archive that anybody can read: which cluster, when, and how the rest is encrypted. */
import { z } from 'zod'
import type { ByteReader } from '../frames/byte-reader.ts'
import { ArchiveError } from './archive-error.ts'

/** Archives of another format are refused. */
export const ARCHIVE_FORMAT = 1
const MAGIC = Buffer.from('DAVIT-BACKUP\n')
const HEADER_BYTES_MAX = 16 * 1024
const CHUNK_BYTES_MAX = 1024 * 1024

const positive = z.number().int().positive()
const salt = z.string().regex(/^[A-Za-z0-9+/]{43}=$/)
const headerSchema = z.object({
  format: z.literal(ARCHIVE_FORMAT),
  /** Davit's version that wrote it. */
  version: z.string(),
  /** RFC 3339. */
  created: z.string(),
  cluster: z.object({ id: z.string(), name: z.string() }),
  cipher: z.literal('aes-256-gcm'),
  /** Of plain text in one chunk; the last one may be shorter. */
  chunkBytes: positive.max(CHUNK_BYTES_MAX),
  key: z.discriminatedUnion('name', [
    z.object({ name: z.literal('scrypt'), salt, N: positive, r: positive.max(64), p: positive }),
    z.object({ name: z.literal('key-file'), salt }),
  ]),
  /** Tells a wrong secret from a damaged archive. */
  check: z.string(),
})

export type ArchiveHeader = z.infer<typeof headerSchema>

export function encodeHeader(header: ArchiveHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  return Buffer.concat([MAGIC, length, json])
}

/** The header, and its bytes as they stand in the archive. Throws ArchiveError. */
export async function readHeader(reader: ByteReader): Promise<{ header: ArchiveHeader; bytes: Buffer }> {
  const start = await read(reader, MAGIC.length + 4)
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) throw new ArchiveError('it is no archive of Davit: it begins differently')
  const length = start.readUInt32BE(MAGIC.length)
  if (length > HEADER_BYTES_MAX) throw damaged(`it says to be ${length} bytes long`)
  const json = await read(reader, length)
  return { header: parse(json), bytes: Buffer.concat([start, json]) }
}

async function read(reader: ByteReader, length: number): Promise<Buffer> {
  const bytes = await reader.read(length).catch(() => undefined)
  if (!bytes) throw new ArchiveError('it is truncated: it ends within its header; fetch it again')
  return Buffer.from(bytes)
}

function parse(json: Buffer): ArchiveHeader {
  let value: unknown
  try {
    value = JSON.parse(json.toString())
  } catch {
    throw damaged('it is not JSON')
  }
  const { format, version } = (value ?? {}) as { format?: unknown; version?: unknown }
  if (typeof format === 'number' && format !== ARCHIVE_FORMAT)
    throw new ArchiveError(
      `it has format ${format}, made by Davit ${version}; this version reads format ${ARCHIVE_FORMAT}: use that version of Davit`,
    )
  const parsed = headerSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw damaged(`${issue?.path.join('.') || 'it'}: ${issue?.message}`)
}

function damaged(why: string): ArchiveError {
  return new ArchiveError(`its header is damaged: ${why}`)
}
