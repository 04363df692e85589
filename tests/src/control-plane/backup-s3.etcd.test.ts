/** Backups in a bucket, against an S3-compatible server, with every signature checked. */

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { archiveName, openStore, type S3Options } from '@davit/api/backup'
import { freePorts } from '@davit/api/testing'
import { command } from '@davit/deploy'
import S3rver from 's3rver'
import { startControlPlane } from './control-plane.ts'
import { startSignatureCheck } from './signature-check.ts'

const CLI = fileURLToPath(new URL('../../../cli/dist/main.js', import.meta.url))
const NAME = archiveName('0e3f27a1-6c3b-4a4e-8f70-0123456789ab', Date.parse('2026-03-01T03:00:00Z'))
const MEBIBYTE = 1024 * 1024
const { signal } = new AbortController()

describe('backups in a bucket', () => {
  let dir: string
  let server: S3rver
  let check: Awaited<ReturnType<typeof startSignatureCheck>>
  let s3: Required<Pick<S3Options, 'endpoint' | 'accessKeyId' | 'secretAccessKey'>>
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'davit-test-s3-'))
    const [port = 0] = await freePorts(1)
    server = new S3rver({
      port,
      address: '127.0.0.1',
      silent: true,
      directory: dir,
      configureBuckets: [{ name: 'backups', configs: [] }],
    })
    await server.run()
    check = await startSignatureCheck(port, 'S3RVER')
    s3 = { endpoint: `http://127.0.0.1:${check.port}`, accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }
  })
  after(async () => {
    check.server.closeAllConnections()
    check.server.close()
    await server.close()
    await rm(dir, { recursive: true, force: true })
  })

  const store = (options: S3Options = s3) => openStore('s3://backups/blue green/ü', options)
  const hashOf = async (content: AsyncIterable<Buffer>) => {
    const hash = createHash('sha256')
    for await (const piece of content) hash.update(piece)
    return hash.digest('hex')
  }

  it('gives back what was put there: nothing, a little, and what takes several parts', async () => {
    for (const bytes of [0, 1000, 16 * MEBIBYTE, 40 * MEBIBYTE + 1]) {
      const content = randomBytes(bytes)
      async function* pieces() {
        for (let at = 0; at < bytes; at += 100_000) yield content.subarray(at, at + 100_000)
      }
      assert.equal(await store().put(NAME, pieces(), signal), bytes)
      assert.deepEqual(await store().list(signal), [{ name: NAME, bytes }])
      assert.equal(await hashOf(store().read(NAME, signal)), createHash('sha256').update(content).digest('hex'))
      await store().delete(NAME, signal)
      assert.deepEqual(await store().list(signal), [])
    }
  })

  it('leaves nothing there when the content breaks off', async () => {
    async function* broken() {
      yield randomBytes(20 * MEBIBYTE)
      throw new Error('etcd went away')
    }
    await assert.rejects(store().put(NAME, broken(), signal), /etcd went away/)
    assert.deepEqual(await store().list(signal), [])
  })

  it('says what the store has against it', async () => {
    await assert.rejects(
      store({ ...s3, secretAccessKey: 'wrong' }).list(signal),
      /SignatureDoesNotMatch.*check the secret key and the region/,
    )
    await assert.rejects(store({ ...s3, accessKeyId: 'wrong' }).list(signal), /InvalidAccessKeyId|Forbidden|403/)
    await assert.rejects(openStore('s3://no-such-bucket', s3).list(signal), /NoSuchBucket.*make it first/)
    await assert.rejects(hashOf(store().read(NAME, signal)), /NoSuchKey/)
    assert.throws(() => openStore('s3://UPPER', s3), /wanted s3:\/\/bucket/)
    assert.throws(() => openStore('s3://backups', {}), /AWS_ACCESS_KEY_ID/)
    assert.throws(() => openStore('s3://backups', { ...s3, endpoint: 'minio' }), /the endpoint "minio" is no URL/)
  })

  it('takes an archive of a cluster, and gives it back', async () => {
    await using controlPlane = await startControlPlane()
    const passphraseFile = join(dir, 'passphrase')
    await writeFile(passphraseFile, 'correct horse battery staple')
    const env = {
      ...process.env,
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      AWS_ENDPOINT_URL: s3.endpoint,
    }
    const davit = (...args: string[]) =>
      command(process.execPath, [CLI, 'backup', ...args, '--kubeconfig', controlPlane.kubeconfig], { env })
    const place = (await davit('create', '--to', 's3://backups/made', '--passphrase-file', passphraseFile)).stdout.trim()
    assert.match(place, /^s3:\/\/backups\/made\/davit-.*\.backup$/)
    const name = place.split('/').at(-1) ?? ''
    assert.match((await davit('list', '--from', 's3://backups/made')).stdout, new RegExp(name))
    const restored = await davit('restore', place, '--into', join(dir, 'into'), '--passphrase-file', passphraseFile)
    assert.match(restored.stdout, /Unpacked cluster/)
    assert.match(
      (await davit('schedule', '0 3 * * *', '--to', 's3://backups/made', '--passphrase-file', passphraseFile)).stdout,
      /the next at .*T03:00Z/,
    )
    assert.match((await davit('delete', name)).stdout, /deleted/)
    assert.match((await davit('list', '--from', 's3://backups/made')).stdout, /No archives/)
  })
})
