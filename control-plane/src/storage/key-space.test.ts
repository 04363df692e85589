import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type KubernetesObject, systemClock } from '@davit/api'
import fc from 'fast-check'
import { Envelope } from './envelope.ts'
import { type EtcdChange, KeySpace } from './key-space.ts'
import { serializeObject } from './stored-object.ts'
import { pod, podKey, pods, services } from './testing/objects.ts'
import { type Scope, Watcher } from './watcher.ts'

function makeSpace(events: number): KeySpace {
  const space = new KeySpace({ clock: systemClock, envelope: new Envelope([]), limits: { events, ageMs: 60_000, bytes: 1e9 } })
  space.register(pods)
  space.register(services)
  return space
}

interface Step {
  name: string
  namespace: string
  node: string | undefined
  web: boolean
  /** Several keys may change in one transaction. */
  sameRevision: boolean
  delete: boolean
  /** The change does not concern an object at all. */
  elsewhere: boolean
  /** A batch of the watch ends here. */
  batchEnds: boolean
  /** The stream broke: the last batch comes once more, in front of what is new. */
  again: boolean
}

const steps = fc.array(
  fc.record<Step>({
    name: fc.constantFrom('a', 'b', 'c'),
    namespace: fc.constantFrom('x', 'x-y', 'z'),
    node: fc.constantFrom('node-1', 'node-2', undefined),
    web: fc.boolean(),
    sameRevision: fc.boolean(),
    delete: fc.boolean(),
    elsewhere: fc.boolean(),
    batchEnds: fc.boolean(),
    again: fc.boolean(),
  }),
  { maxLength: 60 },
)

const SCOPES: Scope[] = [
  {},
  { namespace: 'x' },
  { name: 'a' },
  { namespace: 'z', name: 'b' },
  { nodeName: 'node-1' },
  { namespace: 'x', nodeName: 'node-2' },
]
const isWeb = (object: KubernetesObject) => object.metadata.labels?.app === 'web'

/** Steps as etcd would tell them: revisions rise, a key changes once in a revision. */
function toBatches(all: readonly Step[]): EtcdChange[][] {
  const batches: EtcdChange[][] = [[]]
  const inRevision = new Set<string>()
  let revision = 10
  for (const step of all) {
    const key = step.elsewhere ? `/davit/raw/${step.name}` : podKey(step.name, step.namespace)
    const joins = step.sameRevision && revision > 10 && !inRevision.has(key)
    if (!joins) {
      revision++
      inRevision.clear()
      if (step.batchEnds) batches.push([])
    }
    inRevision.add(key)
    const labels = { app: step.web ? 'web' : 'other' }
    const object = pod(step.name, { namespace: step.namespace, labels, ...(step.node !== undefined && { nodeName: step.node }) })
    batches.at(-1)?.push({ key, revision, value: step.delete ? undefined : serializeObject(object) })
  }
  return batches.filter(batch => batch.length > 0)
}

/** What someone who watches with this scope and filter holds after these events. */
async function replay(watcher: Watcher, start: Map<string, number>): Promise<Map<string, number>> {
  const held = new Map(start)
  let last = 0
  watcher.bookmark(Number.MAX_SAFE_INTEGER)
  for await (const batch of watcher) {
    for (const event of batch) {
      if (event.type === 'bookmark') return held
      const { key, revision } = event.stored
      assert.ok(revision >= last, 'Events go back')
      last = revision
      assert.equal(held.has(key), event.type !== 'added', `${event.type} ${key}@${revision}`)
      if (event.type === 'deleted') held.delete(key)
      else held.set(key, revision)
    }
  }
  throw new Error('The watch ended')
}

function select(space: KeySpace, scope: Scope): Map<string, number> {
  const objects = space.cacheOf(pods).select(scope)
  const keys = objects.map(({ key }) => key)
  assert.deepEqual(keys, keys.toSorted())
  return new Map(objects.filter(({ object }) => isWeb(object)).map(({ key, revision }) => [key, revision]))
}

describe('KeySpace', () => {
  it('brings every watcher, from the start or resumed, to what a list gives', async () => {
    const property = fc.asyncProperty(steps, fc.nat(), async (all, from) => {
      const batches = toBatches(all)
      const space = makeSpace(1000)
      space.replace(new Map(), 10)
      const watch = (scope: Scope, after: number) => {
        const cache = space.cacheOf(pods)
        const matches: ConstructorParameters<typeof Watcher>[0]['matches'] = object => cache.isIn(scope, object) && isWeb(object.object)
        const watcher = new Watcher({
          scope,
          matches,
          after,
          bookmarks: true,
          queueMax: 1000,
          queueBytesMax: 1e9,
          onClose: closed => cache.audience.delete(closed),
        })
        const missed = cache.ring.since(after)?.map(event => event.seenBy(matches))
        watcher.deliverFirst((missed ?? []).filter(event => event !== undefined))
        cache.audience.add(watcher)
        return watcher
      }
      const watchers: { scope: Scope; watcher: Watcher; held: Map<string, number> }[] = SCOPES.map(scope => ({
        scope,
        watcher: watch(scope, 10),
        held: new Map(),
      }))
      const resumeAt = batches.length === 0 ? 0 : from % batches.length
      let mark = { revision: 10, held: SCOPES.map(() => new Map<string, number>()) }
      const expected = new Map<string, number>()
      for (const [at, batch] of batches.entries()) {
        const repeated = all[at]?.again && at > 0 ? [...(batches[at - 1] ?? []), ...batch] : batch
        space.apply(repeated, batch.at(-1)?.revision ?? 0)
        for (const { key, revision, value } of batch) {
          if (!key.startsWith(pods.prefix)) continue
          if (value) expected.set(key, revision)
          else expected.delete(key)
        }
        assert.deepEqual(
          new Map(
            space
              .cacheOf(pods)
              .select({})
              .map(({ key, revision }) => [key, revision]),
          ),
          new Map([...expected].toSorted()),
        )
        assert.equal(space.revision, batch.at(-1)?.revision)
        if (at === resumeAt) mark = { revision: space.revision, held: SCOPES.map(scope => select(space, scope)) }
      }
      for (const [at, scope] of SCOPES.entries()) {
        watchers.push({ scope, watcher: watch(scope, mark.revision), held: mark.held[at] ?? new Map() })
      }
      for (const { scope, watcher, held } of watchers) {
        const sorted = new Map([...(await replay(watcher, held))].toSorted())
        assert.deepEqual(sorted, new Map([...select(space, scope)].toSorted()))
      }
      assert.equal(space.cacheOf(pods).audience.size, 0)
    })
    await fc.assert(property, { numRuns: 150 })
  })

  it('says from which version on events are there, whatever the bound', () => {
    const property = fc.property(steps, fc.integer({ min: 1, max: 8 }), (all, bound) => {
      const space = makeSpace(bound)
      space.replace(new Map([[space.cacheOf(pods), []]]), 10)
      const revisions: number[] = []
      const present = new Set<string>()
      for (const batch of toBatches(all)) {
        space.apply(batch, batch.at(-1)?.revision ?? 0)
        for (const { key, revision, value } of batch) {
          if (!key.startsWith(pods.prefix) || (!value && !present.has(key))) continue
          if (value) present.add(key)
          else present.delete(key)
          revisions.push(revision)
        }
      }
      const { ring } = space.cacheOf(pods)
      assert.ok(ring.size <= bound)
      assert.equal(ring.since(ring.floor - 1), undefined)
      for (let after = ring.floor; after <= space.revision; after++) {
        assert.deepEqual(
          ring.since(after)?.map(event => event.revision),
          revisions.filter(revision => revision > after),
        )
      }
    })
    fc.assert(property, { numRuns: 200 })
  })

  it('finds the resource of a key, also under prefixes of different depth', () => {
    const space = makeSpace(10)
    assert.equal(space.cacheFor('/registry/services/specs/default/web')?.resource, services)
    assert.equal(space.cacheFor(podKey('a'))?.resource, pods)
    for (const key of ['/registry/services/endpoints/default/web', '/registry/podsecurity/x', '/davit/x', 'registry', '']) {
      assert.equal(space.cacheFor(key), undefined)
    }
  })

  it('closes a watcher that saw an object which then became unreadable', async () => {
    const space = makeSpace(10)
    const cache = space.cacheOf(pods)
    space.replace(new Map([[cache, []]]), 10)
    space.apply([{ key: podKey('a'), revision: 11, value: serializeObject(pod('a')) }], 11)
    const watcher = new Watcher({
      scope: {},
      matches: () => true,
      after: 11,
      bookmarks: false,
      queueMax: 9,
      queueBytesMax: 1e9,
      onClose: () => {},
    })
    cache.audience.add(watcher)
    space.apply([{ key: podKey('a'), revision: 12, value: Buffer.from('broken') }], 12)
    await assert.rejects(watcher[Symbol.asyncIterator]().next(), { code: 500, message: /default\/a/ })
    assert.equal(space.revision, 12)
  })
})
