import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from './clock.ts'
import { deadlineSignal } from './deadline-signal.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('a deadline comes also when memory is collected while it is waited for', async () => {
  const signal = deadlineSignal(50, new AbortController().signal)
  const collecting = setInterval(collect, 5)
  try {
    await assert.rejects(systemClock.sleep(2_000, signal), { name: 'TimeoutError' })
  } finally {
    clearInterval(collecting)
  }
})

test('a deadline in a far future does not come at once', async () => {
  const signals = [2 ** 31, 2 ** 40, 1_000.5].map(ms => deadlineSignal(ms))
  // A timer that was given too much would have fired before this one.
  await systemClock.sleep(5)
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [false, false, false],
  )
})

test('the other signal ends the wait with its own reason', async () => {
  const other = new AbortController()
  const signal = deadlineSignal(60_000, other.signal)
  other.abort(new Error('stopped'))
  await assert.rejects(systemClock.sleep(2_000, signal), { message: 'stopped' })
  assert.equal(deadlineSignal(60_000, other.signal).aborted, true)
})
