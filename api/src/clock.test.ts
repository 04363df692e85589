import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from './clock.ts'

test('sleep() for longer than a timer can wait does not return at once', async () => {
  const stop = new AbortController()
  // What a Deployment without a progress deadline waits for.
  const long = systemClock.sleep((2 ** 31 - 1) * 1000, stop.signal)
  const first = await Promise.race([long.then(() => 'long'), systemClock.sleep(30).then(() => 'short')])
  assert.equal(first, 'short')
  stop.abort(new Error('Enough'))
  await assert.rejects(long, /Enough/)
})
