import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { createPod, pod, startStorage } from './testing/objects.ts'
import { startTestCluster, startTestEtcd } from './testing/test-etcd.ts'

async function read(content: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of content) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('a snapshot holds what was written before it, and bears out its checksum', async () => {
  await using etcd = await startTestEtcd()
  await using storage = await startStorage(etcd.url)
  const revision = await createPod(storage, pod('kept', { labels: { proof: 'written-before-the-snapshot' } }))
  const done = new AbortController()
  const snapshot = await storage.snapshot(done.signal)
  assert.ok(snapshot.revision >= revision)
  assert.match(snapshot.etcdVersion, /^3\.\d+\.\d+/)
  const bytes = await read(snapshot.content)
  done.abort()
  const end = bytes.length - 32
  assert.deepEqual(createHash('sha256').update(bytes.subarray(0, end)).digest(), bytes.subarray(end))
  assert.ok(bytes.includes('written-before-the-snapshot'))
})

test('a snapshot comes from another member when the first does not answer', async () => {
  const members = await startTestCluster(3)
  try {
    await using storage = await startStorage(members.map(({ url }) => url))
    await members[0]?.kill()
    const done = new AbortController()
    const snapshot = await storage.snapshot(done.signal)
    assert.ok((await read(snapshot.content)).length > 10_000)
    done.abort()
  } finally {
    await Promise.all(members.map(member => member[Symbol.asyncDispose]()))
  }
})

test('a snapshot that breaks off is not taken for a whole one', async () => {
  await using etcd = await startTestEtcd()
  await using storage = await startStorage(etcd.url)
  for (let at = 0; at < 40; at++) await createPod(storage, pod(`p${at}`, { labels: { filler: 'x'.repeat(50_000) } }))
  const done = new AbortController()
  const { content } = await storage.snapshot(done.signal)
  const reading = (async () => {
    let killed = false
    for await (const _ of content) {
      if (!killed) await etcd.kill()
      killed = true
    }
  })()
  await assert.rejects(reading, /snapshot of etcd/)
  done.abort()
})
