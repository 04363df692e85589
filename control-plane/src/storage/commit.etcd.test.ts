import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createPod, mustCommit, pod, podKey, pods, startStorage } from './testing/objects.ts'
import { startTestEtcd, type TestEtcd } from './testing/test-etcd.ts'

describe('commit()', () => {
  let etcd: TestEtcd
  let storage: Awaited<ReturnType<typeof startStorage>>
  before(async () => {
    etcd = await startTestEtcd()
    storage = await startStorage(etcd.url)
  })
  after(async () => {
    await storage[Symbol.asyncDispose]()
    await etcd[Symbol.asyncDispose]()
  })

  it('writes an object that get() gives back with its revision', async () => {
    const revision = await createPod(storage, pod('a'))
    const stored = await storage.get(pods, podKey('a'))
    assert.equal(stored?.revision, revision)
    assert.equal(stored.object.metadata.resourceVersion, String(revision))
    assert.deepEqual(JSON.parse(stored.bytes.toString()), stored.object)
    assert.ok(Object.isFrozen(stored.object.metadata))
  })

  it('stores no resourceVersion', async () => {
    const object = pod('clean')
    object.metadata.resourceVersion = '7'
    await createPod(storage, object)
    const raw = await etcd.client.get(podKey('clean')).string()
    assert.doesNotMatch(raw ?? '', /resourceVersion/)
  })

  it('lets exactly one of many concurrent writers win', async () => {
    const revision = await createPod(storage, pod('contested'))
    const writers = Array.from({ length: 20 }, (_, at) =>
      storage.commit([{ type: 'update', key: podKey('contested'), value: pod('contested', { labels: { writer: String(at) } }), revision }]),
    )
    const results = await Promise.all(writers)
    const won = results.filter(result => result.committed)
    assert.equal(won.length, 1)
    for (const result of results) {
      if (!result.committed) assert.equal(result.revisions.get(podKey('contested')), won[0]?.committed && won[0].revision)
    }
  })

  it('writes nothing when one compare fails, and tells where every compared key stands', async () => {
    const revision = await createPod(storage, pod('one'))
    const result = await storage.commit(
      [
        { type: 'create', key: podKey('two'), value: pod('two') },
        { type: 'delete', key: podKey('one'), revision },
      ],
      [{ key: '/guard', revision: 5 }],
    )
    assert.equal(result.committed, false)
    assert.deepEqual(!result.committed && [...result.revisions], [
      [podKey('two'), 0],
      [podKey('one'), revision],
      ['/guard', 0],
    ])
    assert.equal(await storage.get(pods, podKey('two')), undefined)
  })

  it('deletes at the revision it was given', async () => {
    const revision = await createPod(storage, pod('gone'))
    await mustCommit(storage, [{ type: 'delete', key: podKey('gone'), revision }])
    assert.equal(await storage.get(pods, podKey('gone')), undefined)
  })

  it('keeps raw values as they are and reads them from etcd itself', async () => {
    const revision = await mustCommit(storage, [{ type: 'create', key: '/davit/addresses/10.96.0.1', value: 'kubernetes' }])
    assert.deepEqual(await storage.read('/davit/addresses/10.96.0.1'), { value: 'kubernetes', revision })
    assert.deepEqual(await storage.readPrefix('/davit/addresses/'), [{ key: '/davit/addresses/10.96.0.1', value: 'kubernetes', revision }])
    assert.equal(await storage.read('/davit/absent'), undefined)
  })

  it('answers 413 for an object that is too large for etcd', async () => {
    const value = pod('large', { labels: { text: 'x'.repeat(2 * 1024 * 1024) } })
    await assert.rejects(storage.commit([{ type: 'create', key: podKey('large'), value }]), { reason: 'RequestEntityTooLarge' })
  })

  it('sees its own write in a fresh read while other keys are quiet', async () => {
    await mustCommit(storage, [{ type: 'create', key: '/davit/elsewhere', value: '1' }])
    const revision = await storage.currentRevision()
    assert.equal((await storage.list(pods, {})).revision, revision)
  })
})
