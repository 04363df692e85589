import assert from 'node:assert/strict'
import { it } from 'node:test'
import { systemClock } from '@davit/api'
import { audit } from './audit.ts'
import { Envelope } from './envelope.ts'
import { Feed } from './feed.ts'
import { KeySpace } from './key-space.ts'
import { Members } from './members.ts'
import { StoredObject } from './stored-object.ts'
import { createPod, silentLog as log, pod, podKey, pods, startStorage } from './testing/objects.ts'
import { startTestEtcd } from './testing/test-etcd.ts'
import { Watcher } from './watcher.ts'

it('audit() finds a ghost, a missing object and one at a wrong revision, and ends the watches', async () => {
  await using etcd = await startTestEtcd()
  await using other = await startStorage(etcd.url)
  const clock = systemClock
  const members = new Members({ urls: [etcd.url] }, { clock, log })
  const space = new KeySpace({ clock, envelope: new Envelope([]), limits: { events: 100, ageMs: 60_000, bytes: 1e9 } })
  space.register(pods)
  const stop = new AbortController()
  const feed = new Feed({ members, space, clock, log, onResume: () => {} })
  const feeding = new Promise<void>((resolve, reject) => void feed.run(stop.signal, resolve).catch(reject))
  try {
    await feeding
    for (const name of ['sound', 'missing', 'stale']) await space.progress.reached(await createPod(other, pod(name)))
    const cache = space.cacheOf(pods)
    assert.equal(await audit({ members, space, log }), 0)

    const stale = cache.get(podKey('stale')) as StoredObject
    cache.repair(podKey('ghost'), StoredObject.fromValue(podKey('ghost'), 2, Buffer.from(JSON.stringify(pod('ghost')))))
    cache.repair(podKey('missing'), undefined)
    cache.repair(podKey('stale'), stale.at(1))
    let ended: unknown
    const onClose = () => {}
    const watcher = new Watcher({
      scope: {},
      matches: () => true,
      after: space.revision,
      bookmarks: false,
      queueMax: 10,
      queueBytesMax: 1e9,
      onClose,
    })
    cache.audience.add(watcher)

    assert.equal(await audit({ members, space, log }), 3)
    assert.deepEqual(
      cache.select({}).map(({ key }) => key),
      ['missing', 'sound', 'stale'].map(name => podKey(name)),
    )
    assert.equal(cache.get(podKey('stale'))?.revision, stale.revision)
    await watcher[Symbol.asyncIterator]()
      .next()
      .catch((error: unknown) => {
        ended = error
      })
    assert.equal((ended as { reason: string }).reason, 'Expired')
    assert.equal(await audit({ members, space, log }), 0)
  } finally {
    stop.abort()
    members.close()
  }
})

it('audit() finds nothing while writers are busy', async () => {
  await using etcd = await startTestEtcd()
  await using storage = await startStorage(etcd.url)
  let busy = true
  const writing = (async () => {
    for (let round = 0; busy; round++) {
      const revisions = await Promise.all(Array.from({ length: 20 }, (_, at) => createPod(storage, pod(`p-${round}-${at}`))))
      const deletions = revisions
        .slice(0, 15)
        .map((revision, at) => ({ type: 'delete' as const, key: podKey(`p-${round}-${at}`), revision }))
      await storage.commit(deletions)
    }
  })()
  for (let round = 0; round < 20; round++) assert.equal(await storage.audit(), 0)
  busy = false
  await writing
  assert.equal(storage.counters.auditRepairs, 0)
})
