import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type Dockerode from 'dockerode'
import { runExec } from './exec.ts'

/** A Docker that takes `startMs` to start a command, which then says nothing and never ends. */
function docker(startMs: number): Dockerode {
  const exec = {
    inspect: async () => ({ Running: false, ExitCode: 137 }),
    start: () => delay(startMs, new PassThrough()),
  }
  return { getContainer: () => ({ exec: async () => exec }) } as unknown as Dockerode
}

for (const [when, startMs] of [
  ['while the command runs', 0],
  ['before Docker has started it', 60],
] as const) {
  test(`runExec() ends a command whose time is over ${when}`, { timeout: 5_000 }, async t => {
    // Deadlines alone do not keep a process going.
    const alive = setInterval(() => {}, 1_000)
    t.after(() => clearInterval(alive))
    const { timedOut } = await runExec(docker(startMs), 'c', ['sleep'], { timeoutMs: 20 })
    assert.equal(timedOut, true)
  })
}
