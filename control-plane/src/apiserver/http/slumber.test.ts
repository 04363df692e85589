import assert from 'node:assert/strict'
import { it } from 'node:test'
import { watchSlumber } from './slumber.ts'

/** A clock that a test sets; sleeps last until they are ended. */
function steppedClock() {
  const sleeps: { ms: number; end: () => void }[] = []
  let now = 0
  const clock = {
    monotonic: () => now,
    sleep: (ms: number) => new Promise<void>(end => void sleeps.push({ ms, end })),
  }
  const pass = (ms: number) => {
    now += ms
  }
  return { clock, sleeps, pass }
}

it('a write right after the process stood still waits, others do not', async () => {
  const { clock, sleeps, pass } = steppedClock()
  const slumber = watchSlumber(clock, new AbortController().signal)
  await slumber.settled()
  pass(900)
  await slumber.settled()

  pass(5_000)
  let isSettled = false
  const first = slumber.settled().then(() => {
    isSettled = true
  })
  await Promise.resolve()
  assert.equal(isSettled, false)
  // Also one that is read a little later.
  pass(300)
  const second = slumber.settled()
  assert.deepEqual(
    sleeps.slice(1).map(({ ms }) => ms),
    [200, 200],
  )
  for (const { end } of sleeps.slice(1)) end()
  await Promise.all([first, second])

  pass(1_000)
  await slumber.settled()
})

it('the tick notices too, and the writes that are read after it wait', async () => {
  const { clock, sleeps, pass } = steppedClock()
  const slumber = watchSlumber(clock, new AbortController().signal)
  pass(5_000)
  sleeps[0]?.end()
  await new Promise(setImmediate)
  void slumber.settled()
  assert.equal(sleeps.at(-1)?.ms, 200)
})
