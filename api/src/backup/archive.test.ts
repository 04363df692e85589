import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { createArchive, openArchive } from './archive.ts'
import { ArchiveError } from './archive-error.ts'
import type { BackupSecret } from './archive-key.ts'
import type { Part } from './parts.ts'

const KEY: BackupSecret = { key: randomBytes(32) }
const MANIFEST = {
  cluster: { id: 'c0ffee', name: 'blue' },
  created: '2026-01-02T03:04:05Z',
  etcd: { version: '3.5.21', revision: 7 },
  controlPlanes: [{ name: 'a', address: '10.0.0.1:6443' }],
  networks: { pods: '10.244.0.0/16', services: '10.96.0.0/12', dns: '10.96.0.10' },
}

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

async function write(parts: Readonly<Record<string, Buffer>>, secret = KEY): Promise<Buffer> {
  async function* all(): AsyncGenerator<Part> {
    for (const [name, bytes] of Object.entries(parts)) yield { name, content: inPieces(bytes, 10_000) }
  }
  const pieces: Buffer[] = []
  for await (const piece of createArchive({ manifest: MANIFEST, parts: all() }, secret)) pieces.push(piece)
  return Buffer.concat(pieces)
}

async function read(archive: Buffer, secret = KEY, pieceBytes = 8192) {
  const parts: Record<string, Buffer> = {}
  const opened = await openArchive(inPieces(archive, pieceBytes), secret)
  const manifest = await opened.read(async ({ name, content }) => {
    const pieces: Buffer[] = []
    for await (const piece of content) pieces.push(piece)
    parts[name] = Buffer.concat(pieces)
  })
  return { manifest, parts }
}

/** A chunk of 64 KiB and its tag. */
const SEALED_BYTES = 65_536 + 16
const headerBytes = (archive: Buffer) => 17 + archive.readUInt32BE(13)
const refusal = (pattern: RegExp) => (error: unknown) => error instanceof ArchiveError && pattern.test(error.message)

describe('archive', () => {
  it('gives back what was put in, whatever the sizes', async () => {
    const sizes = fc.array(fc.oneof(fc.nat(200_000), fc.constantFrom(0, 65_535, 65_536, 131_072)), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 70_000 }), async (lengths, pieceBytes) => {
        const parts = Object.fromEntries(lengths.map((length, at) => [`part-${at}`, randomBytes(length)]))
        const result = await read(await write(parts), KEY, pieceBytes)
        assert.deepEqual(result.parts, parts)
        assert.deepEqual(result.manifest.cluster, MANIFEST.cluster)
      }),
      { numRuns: 30 },
    )
  })

  it('notices every flipped bit', async () => {
    const archive = await write({ a: randomBytes(150_000), b: randomBytes(10) })
    const bits = fc.oneof(
      fc.nat(archive.length * 8 - 1),
      fc.nat(8 * 500),
      fc.integer({ min: archive.length * 8 - 4000, max: archive.length * 8 - 1 }),
    )
    await fc.assert(
      fc.asyncProperty(bits, async bit => {
        const damaged = Buffer.from(archive)
        damaged[bit >> 3]! ^= 1 << (bit & 7)
        await assert.rejects(read(damaged), ArchiveError)
      }),
      { numRuns: 300 },
    )
  })

  it('notices a missing end, wherever it is cut, and anything behind it', async () => {
    const archive = await write({ a: randomBytes(65_536 * 3) })
    await fc.assert(
      fc.asyncProperty(fc.nat(archive.length - 1), async length => {
        await assert.rejects(read(archive.subarray(0, length)), refusal(/truncated/))
      }),
      { numRuns: 100 },
    )
    // Cut exactly between two chunks.
    for (let at = headerBytes(archive); at < archive.length; at += SEALED_BYTES)
      await assert.rejects(read(archive.subarray(0, at)), refusal(/truncated/))
    await assert.rejects(read(Buffer.concat([archive, Buffer.from('x')])), ArchiveError)
  })

  it('notices chunks that are swapped, repeated or of another archive', async () => {
    const archive = await write({ a: randomBytes(65_536 * 4) })
    const other = await write({ a: randomBytes(65_536 * 4) })
    const length = headerBytes(archive)
    const chunk = (of: Buffer, at: number) => of.subarray(length + at * SEALED_BYTES, length + (at + 1) * SEALED_BYTES)
    const head = archive.subarray(0, length)
    const rest = archive.subarray(length + 2 * SEALED_BYTES)
    await assert.rejects(read(Buffer.concat([head, chunk(archive, 1), chunk(archive, 0), rest])), refusal(/damaged/))
    await assert.rejects(read(Buffer.concat([head, chunk(archive, 0), chunk(archive, 0), rest])), refusal(/damaged/))
    await assert.rejects(read(Buffer.concat([head, chunk(other, 0), chunk(archive, 1), rest])), refusal(/damaged/))
  })

  it('says what is wrong with the secret', async () => {
    const passphrase = { passphrase: 'correct horse battery' }
    const archive = await write({ a: Buffer.from('x') }, passphrase)
    assert.equal((await read(archive, passphrase)).parts.a?.toString(), 'x')
    await assert.rejects(read(archive, { passphrase: 'correct horse batterz' }), refusal(/passphrase is wrong/))
    await assert.rejects(read(archive, KEY), refusal(/made with a passphrase/))
    await assert.rejects(read(await write({}), { key: randomBytes(32) }), refusal(/key is wrong/))
    await assert.rejects(read(await write({}), passphrase), refusal(/made with a key file/))
  })

  it('refuses what is none, and other formats', async () => {
    await assert.rejects(read(Buffer.from('PK\u0003\u0004 something else entirely')), refusal(/no archive of Davit/))
    await assert.rejects(read(Buffer.alloc(0)), refusal(/truncated/))
    const archive = await write({})
    const later = Buffer.from(archive.toString('latin1').replace('"format":1', '"format":9'), 'latin1')
    await assert.rejects(read(later), refusal(/format 9, made by Davit .*reads format 1/))
  })

  it('shows nothing of its content', async () => {
    const archive = await write({ 'pki/ca.pem': Buffer.from('-----BEGIN PRIVATE KEY-----') })
    for (const word of ['PRIVATE', 'pki/', 'manifest', '10.0.0.1']) assert.equal(archive.includes(word), false, word)
  })
})
