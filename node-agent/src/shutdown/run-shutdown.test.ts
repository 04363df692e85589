import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@davit/api'
import { runShutdown } from './run-shutdown.ts'

test('runShutdown() goes on where nothing can be watched', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-shutdown-'))
  await rm(dir, { recursive: true })
  const stop = new AbortController()
  let sleeps = 0
  const { stopped } = runShutdown({
    dataDir: dir,
    graceMs: 1_000,
    criticalMs: 0,
    manager: { runningPods: () => [], end: async () => true, flushStatuses: async () => {} },
    onBegin() {},
    clock: {
      ...systemClock,
      async sleep() {
        if (++sleeps === 2) stop.abort()
      },
    },
    log: { debug() {}, info() {}, warn() {}, error() {} },
    signal: stop.signal,
  })
  await stopped
  assert.equal(sleeps, 2)
})
