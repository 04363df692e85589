import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { systemClock } from '@davit/api'
import { formatTook, tellProgress } from './ensure.ts'
import { formatProgress, PullProgress } from './progress.ts'
import { createPulls } from './pulls.ts'

/** Pulls that end when they are told to, and with the test. */
function setUp(t: TestContext, { width = 2 } = {}) {
  const running = new Map<string, { end: () => void; fail: (err: Error) => void }>()
  const started: string[] = []
  const stop = new AbortController()
  t.after(() => stop.abort())
  const pulls = createPulls({
    docker: {
      pullImage: (reference, { signal }) =>
        new Promise((resolve, reject) => {
          started.push(reference)
          running.set(reference, { end: resolve, fail: reject })
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    },
    clock: systemClock,
    width,
    signal: stop.signal,
  })
  const want = (reference: string, auth?: { username: string }) => {
    const abort = new AbortController()
    const done = pulls.pull(reference, auth, { signal: abort.signal }).then(
      () => 'pulled',
      (err: unknown) => (err instanceof Error ? err.message : String(err)),
    )
    return { done, leave: () => abort.abort(new Error('left')) }
  }
  const settled = () => new Promise(resolve => setImmediate(resolve))
  return { running, started, want, stop, settled }
}

describe('createPulls()', () => {
  it('tells of the end of what it told the beginning of, and of nothing else', async t => {
    const told: string[] = []
    const stop = new AbortController()
    t.after(() => stop.abort())
    const pulls = createPulls({
      docker: { pullImage: async () => {} },
      clock: systemClock,
      width: 1,
      signal: stop.signal,
      async onBegin(reference) {
        if (reference === 'bad') throw new Error('Docker is away')
        told.push(`begin ${reference}`)
      },
      onEnd: async reference => void told.push(`end ${reference}`),
    })
    await assert.rejects(pulls.pull('bad', undefined, { signal: stop.signal }), /Docker is away/)
    await pulls.pull('good', undefined, { signal: stop.signal })
    assert.deepEqual(told, ['begin good', 'end good'])
  })

  it('holds to its width, in the order of the asking', async t => {
    const { started, running, want, settled } = setUp(t)
    const all = ['a', 'b', 'c', 'd'].map(name => want(name))
    await settled()
    assert.deepEqual(started, ['a', 'b'])
    all[2]?.leave()
    assert.equal(await all[2]?.done, 'left')
    running.get('a')?.end()
    await all[0]?.done
    await settled()
    assert.deepEqual(started, ['a', 'b', 'd'])
  })

  it('pulls the same once, and with another login once more', async t => {
    const { started, running, want, settled } = setUp(t, { width: 9 })
    const all = [want('a'), want('a'), want('a', { username: 'u' })]
    await settled()
    assert.deepEqual(started, ['a', 'a'])
    all[0]?.leave()
    assert.equal(await all[0]?.done, 'left')
    running.get('a')?.end()
    assert.equal(await all[2]?.done, 'pulled')
  })

  it('gives up what nobody wants, and begins anew for who comes next', async t => {
    const { started, want, settled } = setUp(t, { width: 1 })
    const first = want('a')
    await settled()
    first.leave()
    assert.equal(await first.done, 'left')
    want('a')
    await settled()
    await settled()
    assert.deepEqual(started, ['a', 'a'])
  })

  it('ends with the agent', async t => {
    const { want, stop } = setUp(t, { width: 1 })
    const all = [want('a'), want('b')]
    stop.abort(new Error('over'))
    assert.deepEqual(await Promise.all(all.map(({ done }) => done)), ['over', 'over'])
  })
})

describe('PullProgress', () => {
  it('moves with bytes and stages, and not with waiting or trying again', () => {
    const progress = new PullProgress()
    const see = (status: string, current?: number) =>
      progress.see({ id: 'a', status, ...(current !== undefined && { progressDetail: { current, total: 100 } }) })
    const moved = [
      see('Pulling fs layer'),
      see('Waiting'),
      see('Downloading', 50),
      see('Downloading', 50),
      see('Retrying in 5 seconds'),
      see('Downloading', 10),
      see('Downloading', 60),
    ]
    assert.deepEqual(moved, [true, false, true, false, false, false, true])
    progress.see({ id: 'b', status: 'Already exists' })
    assert.equal(formatProgress(progress.now), '60% of 100 B (1 of 2 layers)')
  })
})

it('formatTook() writes durations as Go does', () => {
  assert.deepEqual([5.9, 1_204, 62_500, 3_725_000].map(formatTook), ['5ms', '1.204s', '1m2.5s', '1h2m5s'])
})

it('tellProgress() tells of a long pull ever more seldom, and at last no more', async () => {
  let now = 0
  const told: number[] = []
  const sleep = async (ms: number) => {
    now += ms
  }
  const clock = { now: () => now, monotonic: () => now, sleep }
  await tellProgress(() => told.push(now / 1_000), { clock, signal: new AbortController().signal })
  assert.deepEqual(told, [10, 30, 60, 120, 300, 600, 1_200])
})
