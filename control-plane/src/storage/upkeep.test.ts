import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Clock } from '@davit/api'
import { silentLog as log } from './testing/objects.ts'
import { startUpkeep } from './upkeep.ts'

it('startUpkeep() compacts to where etcd stood as long ago as history is kept', async () => {
  const stop = new AbortController()
  let nowMs = 0
  let failing = false
  const compacted: string[] = []
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async ms => {
      nowMs += ms
      failing = nowMs === 20
      if (nowMs > 60) stop.abort()
    },
  }
  const storage = {
    currentRevision: async () => {
      if (failing) throw new Error('etcd is away')
      return 100 + nowMs
    },
    compact: async (revision: number) => void compacted.push(`${revision} at ${nowMs}`),
  }
  await startUpkeep({ storage, log, clock, signal: stop.signal, intervalMs: 10, keepMs: 20 })
  assert.deepEqual(compacted, ['110 at 30', '130 at 50', '140 at 60'])
})
