/** Archives written and read as streams: a header, then the parts, encrypted; `manifest.json` is the last part and vouches for all. */
import { createHash, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { ByteReader } from '../frames/byte-reader.ts'
import { DAVIT_VERSION } from '../version.ts'
import { ArchiveError } from './archive-error.ts'
import { ARCHIVE_FORMAT, type ArchiveHeader, encodeHeader, readHeader } from './archive-header.ts'
import { type BackupSecret, deriveKey, newDerivation } from './archive-key.ts'
import { decodeParts, encodeParts, type Part } from './parts.ts'
import { seal, unseal } from './sealed-stream.ts'

export const SNAPSHOT_PART = 'etcd/snapshot.db'
/** Before the name of each file of the control plane's pki directory. */
export const PKI_PREFIX = 'pki/'
const MANIFEST_PART = 'manifest.json'
const CHUNK_BYTES = 64 * 1024
const MANIFEST_BYTES_MAX = 1024 * 1024

const manifestSchema = z.object({
  cluster: z.object({ id: z.string(), name: z.string() }),
  /** Davit's. */
  version: z.string(),
  /** RFC 3339: when the backup began. */
  created: z.string(),
  etcd: z.object({
    version: z.string(),
    /** Everything that was acknowledged up to this revision is in the snapshot. */
    revision: z.number().int().nonnegative(),
  }),
  /** What the API servers said of themselves: `name` and `address:port`. */
  controlPlanes: z.array(z.object({ name: z.string(), address: z.string() })),
  networks: z.object({ pods: z.string(), services: z.string(), dns: z.string() }),
  parts: z.array(z.object({ name: z.string(), bytes: z.number().int().nonnegative(), sha256: z.string() })),
})

/** What is in an archive. */
export type BackupManifest = z.infer<typeof manifestSchema>

export interface ArchiveContent {
  readonly manifest: Omit<BackupManifest, 'parts' | 'version'>
  /** Read in this order. */
  readonly parts: AsyncIterable<Part>
}

/** The archive's bytes. Throws what reading a part throws; ArchiveError for a passphrase that is too short. */
export async function* createArchive(content: ArchiveContent, secret: BackupSecret): AsyncGenerator<Buffer, void, void> {
  const derivation = newDerivation(secret, randomBytes(32))
  const { key, check } = await deriveKey(secret, derivation)
  const { cluster, created } = content.manifest
  const header = encodeHeader({
    format: ARCHIVE_FORMAT,
    version: DAVIT_VERSION,
    created,
    cluster,
    cipher: 'aes-256-gcm',
    chunkBytes: CHUNK_BYTES,
    key: derivation,
    check,
  })
  yield header
  yield* seal(encodeParts(partsAndManifest(content)), { key, header, chunkBytes: CHUNK_BYTES })
}

async function* partsAndManifest({ manifest, parts }: ArchiveContent): AsyncGenerator<Part, void, void> {
  const written: BackupManifest['parts'] = []
  for await (const { name, content } of parts) {
    const sum = new Sum()
    yield { name, content: sum.over(content) }
    written.push({ name, ...sum.result() })
  }
  const whole: BackupManifest = { ...manifest, version: DAVIT_VERSION, parts: written }
  yield { name: MANIFEST_PART, content: [Buffer.from(JSON.stringify(whole, undefined, 2))] }
}

export interface OpenedArchive {
  readonly header: ArchiveHeader
  /**
   * Hands each part to `take`, which must read it to its end, and gives the manifest once all parts are proven to be those it
   * names. What was taken counts only then: keep it aside until this resolves. Throws ArchiveError.
   */
  read(take: (part: { name: string; content: AsyncIterable<Buffer> }) => Promise<void>): Promise<BackupManifest>
}

/** Reads the header and checks the secret; throws ArchiveError when it is no archive or the secret is wrong. */
export async function openArchive(source: AsyncIterable<Buffer>, secret: BackupSecret): Promise<OpenedArchive> {
  const reader = new ByteReader(source)
  const { header, bytes } = await readHeader(reader)
  const { key, check } = await deriveKey(secret, header.key)
  if (check !== header.check)
    throw new ArchiveError(`the ${'key' in secret ? 'key' : 'passphrase'} is wrong: it is not the one the archive was made with`)
  const plain = new ByteReader(unseal(reader, { key, header: bytes, chunkBytes: header.chunkBytes }))
  return { header, read: take => readParts(plain, take) }
}

async function readParts(plain: ByteReader, take: Parameters<OpenedArchive['read']>[0]): Promise<BackupManifest> {
  const read: BackupManifest['parts'] = []
  let manifest: BackupManifest | undefined
  for await (const { name, content } of decodeParts(plain)) {
    if (name === MANIFEST_PART) {
      manifest = parseManifest(await collect(content))
      continue
    }
    const sum = new Sum()
    await take({ name, content: sum.over(content) })
    read.push({ name, ...sum.result() })
  }
  if (!manifest) throw new ArchiveError('it is damaged: it has no manifest')
  if (JSON.stringify(manifest.parts) !== JSON.stringify(read))
    throw new ArchiveError('it is damaged: its parts are not those its manifest names')
  return manifest
}

async function collect(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of content) {
    bytes += piece.length
    if (bytes > MANIFEST_BYTES_MAX) throw new ArchiveError('it is damaged: its manifest is too long')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function parseManifest(json: Buffer): BackupManifest {
  const parsed = manifestSchema.safeParse(JSON.parse(json.toString()))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ArchiveError(`its manifest cannot be read: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** Counts and hashes what passes. */
class Sum {
  readonly #hash = createHash('sha256')
  #bytes = 0

  async *over(content: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    for await (const piece of content) {
      this.#hash.update(piece)
      this.#bytes += piece.length
      yield piece
    }
  }

  result(): { bytes: number; sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }
}
