import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { apiError, unavailable } from '../status.ts'
import { FakeApi, listeningLog, SteppedClock, type Thing, thingKind } from './fake-api.ts'
import { startInformer } from './start-informer.ts'

/** Numbers from 0 to 1 that depend on the seed alone. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f']

async function run(seed: number): Promise<void> {
  const random = randomFrom(seed)
  const pick = (n: number) => Math.floor(random() * n)
  const api = new FakeApi()
  const clock = new SteppedClock()
  const stop = new AbortController()
  const informer = startInformer(api, thingKind, {
    indexers: { group: ({ spec }: Thing) => [spec.group] },
    signal: stop.signal,
    log: listeningLog(),
    clock,
    random,
  })

  // What a consumer that only hears changes believes; each must fit onto the one before.
  const believed = new Map<string, Thing>()
  informer.onChange(change => {
    const before = believed.get(change.key)
    assert.equal(change.type === 'added', before === undefined, `${change.type} ${change.key}`)
    if (change.type === 'updated') {
      assert.equal(change.old, before)
      assert.equal(change.object.metadata.uid, before?.metadata.uid)
      assert.ok(Number(change.object.metadata.resourceVersion) > Number(before?.metadata.resourceVersion))
    }
    if (change.type === 'deleted') believed.delete(change.key)
    else believed.set(change.key, change.object)
  })

  const steps = [
    () => void api.write({ [NAMES[pick(6)]!]: pick(4) ? pick(100) : undefined }, 'xyz'[pick(3)]),
    () => void api.write(Object.fromEntries(NAMES.map(name => [name, pick(3) ? pick(100) : undefined])), 'xyz'[pick(3)]),
    () => api.bookmark(),
    () => api.compact(),
    () => api.cut(undefined, pick(4)),
    () => api.cut(unavailable('cut'), pick(4)),
    () => api.cut(apiError('Expired', 'too old'), pick(4)),
    () => void api.failures.push({ verb: pick(2) ? 'list' : 'watch', error: pick(2) ? unavailable('no') : apiError('Expired', 'too old') }),
    () => clock.step(pick(6_000)),
    () => clock.step(100_000),
  ]
  for (let i = 0; i < 150; i++) {
    steps[pick(steps.length)]!()
    for (let turns = pick(4); turns > 0; turns--) await setImmediate()
  }

  api.failures.length = 0
  const last = api.write({ last: 1 })
  const reached = informer.reached(last)
  for (let turns = 0; informer.cache.resourceVersion !== last && turns < 500; turns++) {
    clock.step(1_000)
    await setImmediate()
  }
  await reached
  stop.abort()

  const byName = (objects: Iterable<Thing>) => [...objects].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1))
  assert.deepEqual(byName(informer.cache.list()), byName(api.objects))
  assert.deepEqual(byName(believed.values()), byName(api.objects))
  for (const group of ['a', 'x', 'y', 'z'])
    assert.deepEqual(byName(informer.cache.byIndex('group', group)), byName(api.objects.filter(({ spec }) => spec.group === group)))
}

test('whatever fails in whatever order, the cache ends as the truth and changes fit together', async () => {
  const only = process.env.DAVIT_TEST_SEED
  const first = only ? Number(only) : 1
  for (let seed = first; seed < first + (only ? 1 : 200); seed++) {
    try {
      await run(seed)
    } catch (cause) {
      throw new Error(`Failed with DAVIT_TEST_SEED=${seed}`, { cause })
    }
  }
})
