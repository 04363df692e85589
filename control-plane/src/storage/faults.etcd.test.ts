import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemClock } from '@davit/api'
import { type EtcdProxy, startEtcdProxy } from './testing/etcd-proxy.ts'
import { createPod, mustCommit, names, pod, podKey, pods, secrets, startStorage, take } from './testing/objects.ts'
import { startTestEtcd, type TestEtcd } from './testing/test-etcd.ts'

describe('storage behind a bad connection', () => {
  let etcd: TestEtcd
  let proxy: EtcdProxy
  let storage: Awaited<ReturnType<typeof startStorage>>
  /** Straight to etcd: another replica. */
  let other: Awaited<ReturnType<typeof startStorage>>
  beforeEach(async () => {
    etcd = await startTestEtcd()
    proxy = await startEtcdProxy(etcd.url)
    storage = await startStorage(proxy.url)
    other = await startStorage(etcd.url)
  })
  afterEach(async () => {
    await storage[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
    await proxy[Symbol.asyncDispose]()
    await etcd[Symbol.asyncDispose]()
  })
  const signal = AbortSignal.timeout(60_000)

  it('misses nothing when the stream is cut right after `created`, twice, and between batches that catch up', async () => {
    const start = await storage.currentRevision()
    const events = take(storage.watch(pods, { resourceVersion: String(start), signal }), 2500)
    // Cuts the present stream at its next event, the next one at `created`, the one after that in the middle of its backlog.
    const cutAt: Record<number, number> = { 1: 0, 2: 0, 3: 2 }
    let passed = false
    proxy.hooks.watchMessage = (stream, n) => {
      if (stream === 0) return passed ? 'pass' : 'cut'
      return n === cutAt[stream] ? 'cut' : 'pass'
    }
    for (let at = 0; at < 2500; at += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => createPod(other, pod(`p-${at + i}`))))
    passed = true
    const seen = await events
    assert.equal(new Set(seen.map(event => event.type !== 'bookmark' && event.stored.key)).size, 2500)
    const revisions = seen.map(event => (event.type === 'bookmark' ? 0 : event.stored.revision))
    assert.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    )
    assert.ok(proxy.watches >= 4, `${proxy.watches} watches`)
    assert.equal(await storage.audit(), 0)
  })

  it('resumes across a restart of etcd', async () => {
    const start = await createPod(storage, pod('a'))
    const events = take(storage.watch(pods, { resourceVersion: String(start), signal }), 2)
    await createPod(other, pod('b'))
    await etcd.restart()
    const object = pod('c')
    for (let written = false; !written; ) {
      written = await createPod(other, object).then(
        () => true,
        () => false,
      )
    }
    assert.deepEqual(
      (await events).map(event => event.type !== 'bookmark' && event.stored.object.metadata.name),
      ['b', 'c'],
    )
    assert.equal(storage.counters.listings, 1)
  })

  it('lists again when what it missed was compacted, and tells its watchers', async () => {
    const start = await createPod(storage, pod('a'))
    const watched = take(storage.watch(pods, { resourceVersion: String(start), signal }), 5)
    watched.catch(() => {})
    let compacted = false
    proxy.hooks.watchMessage = stream => (stream === 0 || !compacted ? 'cut' : 'pass')
    await createPod(other, pod('b'))
    const last = await createPod(other, pod('c'))
    await mustCommit(other, [{ type: 'delete', key: podKey('a'), revision: start }])
    const later = await createPod(other, pod('d'))
    assert.ok(later > last)
    await other.compact(later)
    compacted = true
    await storage.reached(later)
    assert.deepEqual(names((await storage.list(pods, {})).items), ['b', 'c', 'd'])
    await assert.rejects(watched, { code: 410 })
    assert.equal(storage.counters.listings, 2)
    assert.equal(await storage.audit(), 0)
  })

  it('gives up a stream that has died unnoticed and still answers fresh', async () => {
    proxy.hooks.watchMessage = stream => (stream === 0 ? 'swallow' : 'pass')
    await createPod(other, pod('quiet'))
    assert.deepEqual(names((await storage.list(pods, {})).items), ['quiet'])
    assert.equal(storage.counters.watchResumes, 1)
  })

  for (const { what, of, key, object } of [
    { what: 'a pod', of: pods, key: podKey('x'), object: () => pod('x') },
    { what: 'a secret', of: secrets, key: '/registry/secrets/default/x', object: () => ({ ...pod('x'), kind: 'Secret' }) },
  ]) {
    it(`finds that ${what} was created although the answer was lost`, async () => {
      proxy.hooks.transaction = once('drop-answer')
      const value = object()
      const revision = await mustCommit(storage, [{ type: 'create', key, value }])
      const stored = await storage.get(of, key)
      assert.equal(stored?.revision, revision)
      assert.equal(stored.object.metadata.uid, value.metadata.uid)
    })
  }

  it('finds its update under a later one of somebody else', async () => {
    const revision = await createPod(storage, pod('x'))
    let overwritten = 0
    proxy.hooks.transaction = once('drop-answer')
    // The later write goes straight to etcd as soon as ours is there.
    const overwriting = (async () => {
      const [event] = await take(other.watch(pods, { resourceVersion: String(revision), signal }), 1)
      assert.ok(event?.type === 'modified')
      overwritten = await mustCommit(other, [{ type: 'update', key: podKey('x'), value: pod('x'), revision: event.stored.revision }])
    })()
    const mine = await mustCommit(storage, [{ type: 'update', key: podKey('x'), value: pod('x', { nodeName: 'mine' }), revision }])
    await overwriting
    assert.ok(revision < mine && mine < overwritten)
  })

  it('finds that its update lost', async () => {
    const revision = await createPod(storage, pod('x'))
    const later = await mustCommit(other, [{ type: 'update', key: podKey('x'), value: pod('x'), revision }])
    proxy.hooks.transaction = once('drop')
    const result = await storage.commit([{ type: 'update', key: podKey('x'), value: pod('x'), revision }])
    assert.deepEqual(!result.committed && [...result.revisions], [[podKey('x'), later]])
  })

  it('sends a write again once it is certain that it was never made', async () => {
    const revision = await createPod(storage, pod('x'))
    proxy.hooks.transaction = once('drop')
    const later = await mustCommit(storage, [{ type: 'update', key: podKey('x'), value: pod('x'), revision }])
    assert.equal((await storage.get(pods, podKey('x')))?.revision, later)
    proxy.hooks.transaction = once('drop')
    await createPod(storage, pod('y'))
    assert.deepEqual(names((await storage.list(pods, {})).items), ['x', 'y'])
  })

  it('never makes a write that is held up after it was sent again', async () => {
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    proxy.hooks.transaction = once('hold')
    proxy.hooks.held = held
    const revision = await createPod(storage, pod('x'))
    await mustCommit(storage, [{ type: 'delete', key: podKey('x'), revision }])
    release()
    // Whatever comes through the proxy now comes after the write that was held.
    await createPod(storage, pod('y'))
    assert.deepEqual(names((await storage.list(pods, {})).items), ['y'])
  })

  it('finds that its create was made and deleted since', async () => {
    proxy.hooks.transaction = once('drop-answer')
    const deleting = (async () => {
      const [event] = await take(other.watch(pods, { resourceVersion: '0', signal }), 1)
      assert.ok(event?.type === 'added')
      await mustCommit(other, [{ type: 'delete', key: podKey('x'), revision: event.stored.revision }])
      return event.stored.revision
    })()
    proxy.hooks.beforeLostAnswer = deleting
    assert.equal(await createPod(storage, pod('x')), await deleting)
    assert.deepEqual(names((await storage.list(pods, {})).items), [])
  })

  it('lets exactly one writer win when every second answer is lost', async () => {
    let revision = await createPod(storage, pod('counter', { labels: { n: '0' } }))
    let count = 0
    proxy.hooks.transaction = () => (count++ % 2 ? 'drop-answer' : 'pass')
    for (let round = 0; round < 10; round++) {
      const writers = Array.from({ length: 4 }, () =>
        storage.commit([{ type: 'update', key: podKey('counter'), value: pod('counter'), revision }]),
      )
      const won = (await Promise.all(writers)).filter(result => result.committed)
      assert.equal(won.length, 1)
      revision = won[0]?.committed ? won[0].revision : 0
      assert.equal((await storage.get(pods, podKey('counter')))?.revision, revision)
    }
  })

  it('answers from the cache while etcd is away, refuses what must be fresh, and goes on by itself', async () => {
    await createPod(storage, pod('a'))
    await storage.list(pods, {})
    await etcd.kill()
    assert.deepEqual(names((await storage.list(pods, { resourceVersion: '0' })).items), ['a'])
    assert.ok(await storage.get(pods, podKey('a'), { cached: true }))
    await assert.rejects(storage.list(pods, {}), { code: 503, message: /the cache was last current \d+\.\d s ago/ })
    await assert.rejects(storage.get(pods, podKey('a')), { code: 503 })
    await assert.rejects(createPod(storage, pod('b')), (error: { code: number }) => error.code === 503 || error.code === 504)
    assert.ok(storage.health.ageMs > 1000)

    await etcd.restart()
    await until(() => storage.list(pods, {}))
    await until(() => createPod(storage, pod('c')))
    assert.deepEqual(
      names((await storage.list(pods, {})).items).filter(name => name !== 'b'),
      ['a', 'c'],
    )
    assert.ok(storage.health.ageMs < 2000)
  })
})

function once<T extends string>(verdict: T): () => T | 'pass' {
  let used = false
  return () => {
    if (used) return 'pass'
    used = true
    return verdict
  }
}

/** Tries as a client does, until it works. */
async function until(action: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await action()
      return
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error && (error.code === 503 || error.code === 504), String(error))
      await systemClock.sleep(50)
    }
  }
}
