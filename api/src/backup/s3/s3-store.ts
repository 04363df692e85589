/** Archives in a bucket: small ones in one request, large ones in parts. */
import { ByteReader } from '../../frames/byte-reader.ts'
import { ArchiveError } from '../archive-error.ts'
import { parseArchiveName } from '../archive-name.ts'
import type { BackupStore, StoredArchive } from '../backup-store.ts'
import { element, type S3Client, type S3Options, s3Client } from './s3-client.ts'

export type { S3Options } from './s3-client.ts'

/** Held in memory at once; with 10,000 parts at most an archive can be 160 GB long. */
const PART_BYTES = 16 * 1024 * 1024
const PLACE = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/
/** A body that sends nothing for so long is given up. */
const SILENCE_MS_MAX = 60_000

/** `place` is `s3://bucket` or `s3://bucket/prefix`. Throws ArchiveError. */
export function s3Store(place: string, options: S3Options, partBytes = PART_BYTES): BackupStore {
  const [, bucket, folder = ''] = PLACE.exec(place) ?? []
  if (!bucket) throw new ArchiveError(`"${place}" cannot be used: wanted s3://bucket or s3://bucket/prefix`)
  const client = s3Client(bucket, options)
  const prefix = folder === '' || folder.endsWith('/') ? folder : `${folder}/`
  return {
    place,
    list: signal => list(client, prefix, signal),
    async put(name, content, signal) {
      const key = prefix + name
      const reader = new ByteReader(content)
      const first = await readPart(reader, partBytes)
      if (first.length === partBytes) return putInParts({ client, key, signal }, first, () => readPart(reader, partBytes))
      await client.send({ method: 'PUT', key, body: first, signal })
      return first.length
    },
    async *read(name, signal) {
      const response = await client.send({ method: 'GET', key: prefix + name, signal })
      if (response.body) yield* readBody(response.body, signal)
    },
    async delete(name, signal) {
      const response = await client.send({ method: 'DELETE', key: prefix + name, signal })
      await response.body?.cancel()
    },
  }
}

async function list(client: S3Client, prefix: string, signal: AbortSignal): Promise<StoredArchive[]> {
  const found: StoredArchive[] = []
  let token: string | undefined
  do {
    const query = { 'list-type': '2', prefix, delimiter: '/', ...(token !== undefined && { 'continuation-token': token }) }
    const xml = await (await client.send({ method: 'GET', query, signal })).text()
    for (const [, object = ''] of xml.matchAll(/<Contents>([\s\S]*?)<\/Contents>/g)) {
      const name = element(object, 'Key')?.slice(prefix.length) ?? ''
      if (parseArchiveName(name)) found.push({ name, bytes: Number(element(object, 'Size') ?? 0) })
    }
    token = element(xml, 'IsTruncated') === 'true' ? element(xml, 'NextContinuationToken') : undefined
  } while (token !== undefined)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

interface Upload {
  readonly client: S3Client
  readonly key: string
  readonly signal: AbortSignal
}

async function putInParts({ client, key, signal }: Upload, first: Buffer, next: () => Promise<Buffer>): Promise<number> {
  const begun = await (await client.send({ method: 'POST', key, query: { uploads: '' }, signal })).text()
  const uploadId = element(begun, 'UploadId')
  if (!uploadId) throw new ArchiveError(`The store at s3://${client.bucket} does not take uploads in parts`)
  try {
    let bytes = 0
    let parts = ''
    let number = 1
    for (let body = first; body.length > 0; body = await next(), number++) {
      const response = await client.send({ method: 'PUT', key, query: { partNumber: String(number), uploadId }, body, signal })
      await response.body?.cancel()
      parts += `<Part><PartNumber>${number}</PartNumber><ETag>${response.headers.get('etag')}</ETag></Part>`
      bytes += body.length
    }
    const body = Buffer.from(`<CompleteMultipartUpload>${parts}</CompleteMultipartUpload>`)
    const completed = await (await client.send({ method: 'POST', key, query: { uploadId }, body, signal })).text()
    // The store may find out that it cannot only after it has answered 200.
    if (element(completed, 'Code')) throw new ArchiveError(`The store lost the upload: ${element(completed, 'Message')}`)
    return bytes
  } catch (error) {
    // What was sent would be kept, and paid for, for ever.
    await client.send({ method: 'DELETE', key, query: { uploadId }, signal: AbortSignal.timeout(10_000) }).catch(() => {})
    throw error
  }
}

async function readPart(reader: ByteReader, length: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  for (let left = length; left > 0; ) {
    const piece = await reader.readSome(left)
    if (!piece) break
    pieces.push(piece)
    left -= piece.length
  }
  return Buffer.concat(pieces)
}

async function* readBody(body: NonNullable<Response['body']>, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  const reader = body.getReader()
  try {
    for (;;) {
      let timer: NodeJS.Timeout | undefined
      const silence = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new ArchiveError(`The store sent nothing for ${SILENCE_MS_MAX / 1000} s`)), SILENCE_MS_MAX)
      })
      const { value, done } = await Promise.race([reader.read(), silence]).finally(() => clearTimeout(timer))
      if (done) return
      yield Buffer.from(value)
      signal.throwIfAborted()
    }
  } finally {
    await reader.cancel().catch(() => {})
  }
}
