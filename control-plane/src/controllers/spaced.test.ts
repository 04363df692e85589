import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, WorkQueue } from '@davit/api'
import { spaced } from './spaced.ts'

test('spaced() lets the first change pass at once and folds those of a burst into one run an interval', async () => {
  let now = 1_000
  const timers: { at: number; fire: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    sleep: ms => new Promise(resolve => void timers.push({ at: now + ms, fire: resolve })),
  }
  const queue = new WorkQueue({ clock })
  const add = spaced(queue, { clock, intervalMs: 100 })
  const stop = new AbortController()
  const taken = queue.take(stop.signal)
  const run = async () => {
    const { value } = await taken.next()
    queue.done(value ?? '')
    return `${value} at ${now}`
  }
  const advance = async (to: number) => {
    now = to
    for (const { at, fire } of timers) if (at <= to) fire()
    await new Promise(resolve => setImmediate(resolve))
  }

  add('a')
  add('b')
  assert.deepEqual([await run(), await run()], ['a at 1000', 'b at 1000'])
  await advance(1_010)
  for (let change = 0; change < 5; change++) add('a')
  assert.equal(queue.size, 0)
  await advance(1_100)
  assert.equal(queue.size, 1)
  assert.equal(await run(), 'a at 1100')
  await advance(1_150)
  add('a')
  assert.equal(queue.size, 0)
  await advance(1_200)
  assert.equal(await run(), 'a at 1200')
  await advance(9_000)
  add('a')
  assert.equal(await run(), 'a at 9000')
  stop.abort()
})
