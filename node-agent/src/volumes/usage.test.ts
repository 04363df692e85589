import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Clock, systemClock } from '@davit/api'
import { createMeter, type Measured } from './usage.ts'

/** A meter whose walks end when a test says so. */
function slowMeter() {
  let now = 0
  const clock: Clock = { ...systemClock, monotonic: () => now }
  const walks: { path: string; end: (usedBytes: number) => void; fail: (err: Error) => void }[] = []
  const walk = (path: string) =>
    new Promise<Measured>((resolve, fail) => walks.push({ path, fail, end: usedBytes => resolve({ usedBytes, inodesUsed: 1 }) }))
  const settled = () => new Promise(resolve => setImmediate(resolve))
  const pass = (ms: number) => {
    now += ms
  }
  return { measure: createMeter(clock, walk), walks, settled, pass }
}

describe('createMeter()', () => {
  it('waits for one walk of a directory, however long that takes', async () => {
    const { measure, walks, settled, pass } = slowMeter()
    const asked = [measure('/a')]
    for (let minutes = 0; minutes < 5; minutes++) {
      await settled()
      pass(60_000)
      asked.push(measure('/a'))
    }
    walks[0]?.end(5)
    assert.deepEqual(new Set((await Promise.all(asked)).map(({ usedBytes }) => usedBytes)), new Set([5]))
    assert.equal(walks.length, 1)
  })

  it('gives an answer for ten seconds after it was had, and then walks again', async () => {
    const { measure, walks, settled, pass } = slowMeter()
    const first = measure('/a')
    await settled()
    pass(60_000)
    walks[0]?.end(1)
    await first
    pass(9_999)
    assert.equal((await measure('/a')).usedBytes, 1)
    pass(1)
    const next = measure('/a')
    await settled()
    walks[1]?.end(2)
    assert.equal((await next).usedBytes, 2)
  })

  it('walks one directory at a time, also after one that failed', async () => {
    const { measure, walks, settled } = slowMeter()
    const [a, b] = [measure('/a'), measure('/b')]
    await settled()
    assert.deepEqual(
      walks.map(({ path }) => path),
      ['/a'],
    )
    walks[0]?.fail(new Error('gone'))
    await assert.rejects(a, /gone/)
    await settled()
    walks[1]?.end(3)
    assert.equal((await b).usedBytes, 3)
  })
})
