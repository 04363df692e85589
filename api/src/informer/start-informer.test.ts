import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { apiError, unavailable } from '../status.ts'
import { FakeApi, listeningLog, SteppedClock, type Thing, thingKind } from './fake-api.ts'
import type { Change } from './informer.ts'
import { WATCH_SILENCE_MS_MAX } from './reflect.ts'
import { startInformer } from './start-informer.ts'

function start(t: { after(fn: () => void): void }, api = new FakeApi(), clock = new SteppedClock()) {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const log = listeningLog()
  const informer = startInformer(api, thingKind, {
    indexers: { group: ({ spec }: Thing) => [spec.group] },
    signal: stop.signal,
    log,
    clock,
    random: () => 0,
  })
  const changes: Change<Thing>[] = []
  informer.onChange(change => void changes.push(change))
  const told = () => changes.map(({ type, key, object }) => `${type} ${key}=${object.spec.value}`)
  return { api, clock, log, informer, stop, changes, told }
}

/** Lets everything that needs no time happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}

test('startInformer() lists, then follows the watch, and keeps its indexes', async t => {
  const api = new FakeApi()
  api.write({ x: 1, y: 1 })
  const { informer, told } = start(t, api)
  assert.equal(informer.hasSynced, false)
  await informer.synced
  assert.equal(informer.hasSynced, true)
  api.write({ x: 2 }, 'b')
  await informer.reached(api.write({ y: undefined, z: 7 }))
  await settle()
  assert.deepEqual(told(), ['added ns/x=1', 'added ns/y=1', 'updated ns/x=2', 'deleted ns/y=1', 'added ns/z=7'])
  assert.deepEqual(
    informer.cache.byIndex('group', 'a').map(object => object.metadata.name),
    ['z'],
  )
  assert.deepEqual(
    informer.cache.byIndex('group', 'b').map(object => object.metadata.name),
    ['x'],
  )
  assert.equal(informer.cache.size, 2)
  assert.throws(() => informer.cache.byIndex('colour', 'b'), /no index "colour"/)
})

test('onChange() tells a late handler the present state first, and stops when asked', async t => {
  const { api, informer } = start(t)
  await informer.synced
  await informer.reached(api.write({ x: 1 }))
  const late: string[] = []
  const stopTelling = informer.onChange(({ type, key }) => void late.push(`${type} ${key}`))
  await informer.reached(api.write({ x: 2 }))
  stopTelling()
  await informer.reached(api.write({ x: 3 }))
  assert.deepEqual(late, ['added ns/x', 'updated ns/x'])
})

test('a handler that throws is logged and stops nothing', async t => {
  const { api, informer, log } = start(t)
  informer.onChange(() => {
    throw new Error('boom')
  })
  const seen: string[] = []
  informer.onChange(({ key }) => void seen.push(key))
  await informer.synced
  await informer.reached(api.write({ x: 1 }))
  await informer.reached(api.write({ y: 1 }))
  assert.deepEqual(seen, ['ns/x', 'ns/y'])
  assert.deepEqual(
    log.lines.map(line => line.message),
    ['A handler of changes failed', 'A handler of changes failed'],
  )
})

test('a watch that ends after news is resumed at once, from the last complete version', async t => {
  const { api, informer } = start(t)
  await informer.synced
  await settle()
  await informer.reached(api.write({ x: 1 }))
  await informer.reached(api.write({ x: 2 }))
  api.cut()
  await informer.reached(api.write({ x: 3 }))
  api.bookmark()
  await settle()
  api.cut()
  await settle()
  assert.deepEqual(api.calls, [
    { verb: 'list', resourceVersion: undefined },
    { verb: 'watch', resourceVersion: '100' },
    { verb: 'watch', resourceVersion: '101' },
    { verb: 'watch', resourceVersion: '103' },
  ])
})

test('a break in the middle of a transaction loses none of its events', async t => {
  const { api, informer, told } = start(t)
  await informer.synced
  await settle()
  api.write({ x: 1, y: 1, z: 1 })
  api.cut(undefined, 2)
  await settle()
  assert.deepEqual(told(), ['added ns/x=1', 'added ns/y=1', 'added ns/z=1'])
})

test('a watch that ends at once, again and again, is reopened more and more slowly', async t => {
  const { api, informer, clock } = start(t)
  const slept: number[] = []
  await informer.synced
  await settle()
  clock.onSleep = ms => void (ms !== WATCH_SILENCE_MS_MAX && slept.push(ms))
  for (let i = 0; i < 9; i++) {
    api.cut()
    await settle()
    clock.step(slept.at(-1)!)
    await settle()
  }
  assert.deepEqual(slept, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000])
  clock.step(1_000)
  api.cut()
  await settle()
  assert.equal(slept.length, 9, 'a watch that lasted is reopened without delay')
  assert.equal(api.openWatches, 1)
})

test('an expired version leads to a new list, whose differences are told', async t => {
  const { api, informer, clock, told } = start(t)
  await informer.synced
  api.write({ kept: 1, changed: 1, gone: 1, replaced: 1 })
  await settle()
  api.cut(apiError('Expired', 'too old'))
  api.write({ gone: undefined, changed: 2, replaced: undefined })
  api.write({ replaced: 5 })
  api.compact()
  await settle()
  clock.step(50)
  await settle()
  assert.deepEqual(told().slice(4), ['updated ns/changed=2', 'deleted ns/replaced=1', 'added ns/replaced=5', 'deleted ns/gone=1'])
  assert.deepEqual(
    api.calls.map(({ verb }) => verb),
    ['list', 'watch', 'list', 'watch'],
  )
})

test('failures are retried with a growing delay that success ends', async t => {
  const api = new FakeApi()
  const clock = new SteppedClock()
  const slept: number[] = []
  clock.onSleep = ms => void (ms !== WATCH_SILENCE_MS_MAX && slept.push(ms))
  for (const verb of ['list', 'list', 'watch'] as const) api.failures.push({ verb, error: unavailable('no') })
  const { informer } = start(t, api, clock)
  for (const ms of [50, 100, 200]) {
    await settle()
    clock.step(ms)
  }
  await informer.synced
  await settle()
  await informer.reached(api.write({ x: 1 }))
  api.cut(unavailable('no'))
  await settle()
  assert.deepEqual(slept, [50, 100, 200, 50])
})

test('a silent watch is reopened; bookmarks count as sound', async t => {
  const { api, informer, clock } = start(t)
  await informer.synced
  await settle()
  clock.step(WATCH_SILENCE_MS_MAX - 1)
  api.bookmark()
  await settle()
  clock.step(1)
  await settle()
  assert.equal(api.calls.length, 2)
  clock.step(WATCH_SILENCE_MS_MAX)
  await settle()
  clock.step(50)
  await settle()
  assert.deepEqual(api.calls.slice(2), [{ verb: 'watch', resourceVersion: '100' }])
  assert.equal(api.openWatches, 1)
})

test('reached() and synced reject when the signal aborts', async t => {
  const { informer, stop, api } = start(t)
  await informer.synced
  await settle()
  const one = new AbortController()
  const early = informer.reached('999', one.signal)
  const late = informer.reached('999')
  one.abort(new Error('enough'))
  await assert.rejects(early, /enough/)
  stop.abort(new Error('over'))
  await assert.rejects(late, /over/)
  await settle()
  assert.equal(api.openWatches, 0)
  const never = startInformer(new FakeApi(), thingKind, { signal: AbortSignal.abort(new Error('over')), log: listeningLog() })
  await assert.rejects(never.synced, /over/)
})
