/** What is kept for watchers has a bound in bytes, not only in number. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { CacheEvent } from './cache-event.ts'
import { EventRing } from './event-ring.ts'
import { StoredObject, serializeObject } from './stored-object.ts'
import { pod, podKey } from './testing/objects.ts'
import { Watcher } from './watcher.ts'

const BYTES = 10_000

function event(revision: number): CacheEvent {
  const object = pod('a')
  object.metadata.annotations = { a: 'x'.repeat(BYTES) }
  const stored = StoredObject.fromValue(podKey('a'), revision, serializeObject(object))
  return new CacheEvent({ revision, key: podKey('a'), stored, previous: undefined, atMs: revision })
}

it('EventRing forgets the oldest events beyond its bytes, and says from where on it knows', () => {
  const ring = new EventRing(0, { events: 1000, ageMs: 60_000, bytes: 5 * BYTES })
  for (let revision = 1; revision <= 20; revision++) ring.push(event(revision))
  assert.equal(ring.size, 4)
  assert.equal(ring.floor, 16)
  assert.equal(ring.since(15), undefined)
  assert.deepEqual(
    ring.since(18)?.map(({ revision }) => revision),
    [19, 20],
  )
  const small = new EventRing(0, { events: 1000, ageMs: 60_000, bytes: 1 })
  small.push(event(1))
  assert.equal(small.size, 1)
})

it('Watcher ends and tells so once more bytes wait than may, also while nobody asks for the next', async () => {
  let dropped = 0
  let closed = 0
  const watcher = new Watcher({
    scope: {},
    matches: () => true,
    after: 0,
    bookmarks: false,
    queueMax: 1000,
    queueBytesMax: 3 * BYTES,
    onDropped: () => dropped++,
    onClose: () => closed++,
  })
  const events = watcher[Symbol.asyncIterator]()
  watcher.offer(event(1))
  assert.equal((await events.next()).value?.length, 1)
  for (let revision = 2; revision <= 4; revision++) watcher.offer(event(revision))
  assert.equal((await events.next()).value?.length, 3)
  // What was taken is not counted any more.
  for (let revision = 5; revision <= 7; revision++) watcher.offer(event(revision))
  assert.equal(dropped, 0)
  watcher.offer(event(8))
  watcher.offer(event(9))
  assert.deepEqual([dropped, closed], [1, 1])
  assert.equal((await events.next()).done, true)
})
