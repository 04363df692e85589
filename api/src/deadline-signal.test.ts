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

test('the other signal ends the wait with its own reason', async () => {
  const other = new AbortController()
  const signal = deadlineSignal(60_000, other.signal)
  other.abort(new Error('stopped'))
  await assert.rejects(systemClock.sleep(2_000, signal), { message: 'stopped' })
  assert.equal(deadlineSignal(60_000, other.signal).aborted, true)
})
