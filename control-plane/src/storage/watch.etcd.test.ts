import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createPod, describeEvent, mustCommit, pod, podKey, pods, startStorage, take } from './testing/objects.ts'
import { startTestEtcd, type TestEtcd } from './testing/test-etcd.ts'

describe('watch()', () => {
  let etcd: TestEtcd
  let storage: Awaited<ReturnType<typeof startStorage>>
  before(async () => {
    etcd = await startTestEtcd()
    storage = await startStorage(etcd.url, { limits: { ringEvents: 8, watcherQueue: 20 } })
  })
  after(async () => {
    await storage[Symbol.asyncDispose]()
    await etcd[Symbol.asyncDispose]()
  })
  const signal = AbortSignal.timeout(20_000)
  const seen = async (count: number, ...args: Parameters<typeof storage.watch>) =>
    (await take(storage.watch(...args), count)).map(describeEvent)

  it('gives the present state first and then what happens', async () => {
    const first = await createPod(storage, pod('a', { namespace: 'plain' }))
    const watched = seen(2, pods, { namespace: 'plain', signal })
    const second = await createPod(storage, pod('b', { namespace: 'plain' }))
    assert.deepEqual(await watched, [`added a@${first}`, `added b@${second}`])
  })

  it('marks the end of the initial state when asked to', async () => {
    const events = await take(storage.watch(pods, { namespace: 'plain', sendInitialEvents: true, signal }), 3)
    assert.equal(events[2]?.type === 'bookmark' && events[2].initialEventsEnd, true)
  })

  it('replays what happened after a version, deletions under the version of the deletion', async () => {
    const created = await createPod(storage, pod('r', { namespace: 'replay' }))
    const value = pod('r', { namespace: 'replay', labels: { app: 'web' } })
    const updated = await mustCommit(storage, [{ type: 'update', key: podKey('r', 'replay'), value, revision: created }])
    const deleted = await mustCommit(storage, [{ type: 'delete', key: podKey('r', 'replay'), revision: updated }])
    const request = { namespace: 'replay', signal }
    assert.deepEqual(await seen(2, pods, { ...request, resourceVersion: String(created) }), [
      `modified r@${updated}`,
      `deleted r@${deleted}`,
    ])
    assert.deepEqual(await seen(1, pods, { ...request, resourceVersion: String(updated) }), [`deleted r@${deleted}`])
  })

  it('turns a change of what matches into added and deleted', async () => {
    const isWeb = (object: { metadata: { labels?: Record<string, string> } }) => object.metadata.labels?.app === 'web'
    const start = await storage.currentRevision()
    const created = await createPod(storage, pod('f', { namespace: 'filter' }))
    const key = podKey('f', 'filter')
    const update = (revision: number, labels: Record<string, string>) =>
      mustCommit(storage, [{ type: 'update', key, value: pod('f', { namespace: 'filter', labels }), revision }])
    const begins = await update(created, { app: 'web' })
    const stays = await update(begins, { app: 'web', tier: 'front' })
    const ends = await update(stays, { app: 'other' })
    const events = await seen(3, pods, { namespace: 'filter', filter: isWeb, resourceVersion: String(start), signal })
    assert.deepEqual(events, [`added f@${begins}`, `modified f@${stays}`, `deleted f@${ends}`])
  })

  it('follows a node: a pod that is bound is added', async () => {
    const start = await storage.currentRevision()
    const created = await createPod(storage, pod('n'))
    const value = pod('n', { nodeName: 'node-7' })
    const bound = await mustCommit(storage, [{ type: 'update', key: podKey('n'), value, revision: created }])
    const deleted = await mustCommit(storage, [{ type: 'delete', key: podKey('n'), revision: bound }])
    assert.deepEqual(await seen(2, pods, { nodeName: 'node-7', resourceVersion: String(start), signal }), [
      `added n@${bound}`,
      `deleted n@${deleted}`,
    ])
  })

  it('answers 410 when the events after a version are gone', async () => {
    const start = await storage.currentRevision()
    for (let at = 0; at < 10; at++) await createPod(storage, pod(`old-${at}`))
    await storage.currentRevision().then(revision => storage.reached(revision))
    const watched = take(storage.watch(pods, { resourceVersion: String(start), signal }), 1)
    await assert.rejects(watched, { code: 410, message: `too old resource version: ${start} (${start + 2})` })
  })

  it('ends for a watcher that does not take its events', async () => {
    const watcher = storage.watch(pods, { resourceVersion: '0', namespace: 'slow', signal })[Symbol.asyncIterator]()
    const first = watcher.next()
    await createPod(storage, pod('first', { namespace: 'slow' }))
    assert.equal((await first).done, false)
    for (let at = 0; at < 21; at++) await storage.reached(await createPod(storage, pod(`slow-${at}`, { namespace: 'slow' })))
    assert.equal((await watcher.next()).done, true)
  })

  it('ends quietly when its signal aborts', async () => {
    const abort = new AbortController()
    const watcher = storage.watch(pods, { namespace: 'none', signal: abort.signal })[Symbol.asyncIterator]()
    const next = watcher.next()
    abort.abort()
    assert.equal((await next).done, true)
  })

  it('waits for a version that is to come, and answers 410 when etcd itself has none so new: it was restored since', async () => {
    const revision = await storage.currentRevision()
    await assert.rejects(take(storage.watch(pods, { resourceVersion: String(revision + 1000), signal }), 1), { code: 410 })
  })
})
