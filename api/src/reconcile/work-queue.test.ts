import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../clock.ts'
import { runController } from './run-controller.ts'
import { WorkQueue } from './work-queue.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** A clock whose sleeps end by their signal only; `asleep` counts them. */
function stillClock(): Clock & { asleep: number } {
  return {
    asleep: 0,
    now: () => 0,
    monotonic: () => 0,
    sleep(_ms, signal) {
      this.asleep++
      return new Promise((_, reject) =>
        signal?.addEventListener('abort', () => {
          this.asleep--
          reject(signal.reason)
        }),
      )
    },
  }
}

test('a controller that has ended leaves no timer behind, and makes none', async () => {
  const clock = stillClock()
  const queue = new WorkQueue({ clock })
  const stop = new AbortController()
  queue.addAfter('later', 120_000)
  queue.add('now')
  const seen: string[] = []
  const running = runController(
    queue,
    async key => {
      seen.push(key)
      stop.abort()
      return { againAfterMs: 120_000 }
    },
    { log, signal: stop.signal },
  )
  await running
  queue.addAfter('much later', 120_000)
  assert.deepEqual([seen, clock.asleep], [['now'], 0])
})
