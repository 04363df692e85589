import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Clock, systemClock } from '@davit/api'
import { ImageUses } from './uses.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const NAME = 'r.io/a:1'

async function setUp(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'davit-uses-'))
  const stop = new AbortController()
  let now = 1_000
  const clock: Clock = { ...systemClock, now: () => now }
  const uses = new ImageUses(dir, { clock, log, signal: stop.signal })
  t.after(async () => {
    stop.abort()
    await uses.saved
    await rm(dir, { recursive: true })
  })
  return { uses, at: (ms: number) => (now = ms) }
}

describe('ImageUses', () => {
  it('knows a pull as its own though another of the same name failed meanwhile', async t => {
    const { uses } = await setUp(t)
    await uses.pulling(NAME, undefined)
    await uses.pulling(NAME, undefined)
    await uses.pulled(NAME, undefined)
    await uses.pulled(NAME, 'sha256:a')
    assert.deepEqual(uses.get('sha256:a')?.pulled, [NAME])
  })

  it('leaves to others what was there before', async t => {
    const { uses } = await setUp(t)
    await uses.pulling(NAME, 'sha256:a')
    await uses.pulled(NAME, 'sha256:a')
    assert.equal(uses.get('sha256:a'), undefined)
  })

  it('forgets what is gone, and not what was pulled after the list had been asked for', async t => {
    const { uses, at } = await setUp(t)
    for (const id of ['gone', 'kept']) uses.used(id)
    at(2_000)
    await uses.pulling(NAME, undefined)
    await uses.pulled(NAME, 'new')
    uses.see([{ id: 'kept' }], { inUse: new Set(), since: 1_500 })
    assert.deepEqual(
      ['gone', 'kept', 'new'].map(id => uses.get(id)?.pulled),
      [undefined, [], [NAME]],
    )
  })
})
