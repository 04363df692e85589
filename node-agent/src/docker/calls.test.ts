import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ask, isDockerAway } from './calls.ts'

const DEADLINE_MS = 1_000

describe('ask()', () => {
  it('gives up on a Docker that does not answer in time', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let given: AbortSignal | undefined
    const asked = ask('pull', DEADLINE_MS, signal => {
      given = signal
      return new Promise(() => {})
    })
    t.mock.timers.tick(DEADLINE_MS)
    await assert.rejects(asked, err => isDockerAway(err) && /did not answer "pull" within 1 s/.test(String(err)))
    assert.ok(given?.aborted)
  })

  it('does not cut an answer that goes on for longer than it took to begin', async t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const caller = new AbortController()
    const given = await ask('pull', DEADLINE_MS, async signal => signal, caller.signal)
    t.mock.timers.tick(DEADLINE_MS)
    assert.ok(!given.aborted)
    caller.abort()
    assert.ok(given.aborted)
  })
})
