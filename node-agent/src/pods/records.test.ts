import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { absorb, recordsFromStatus } from './records.ts'
import { checkpoint, ended, info, pod, record, sandbox } from './test-pods.ts'

const options = { now: 9_000, messages: new Map<string, string>(), busy: new Set<string>() }

describe('absorb()', () => {
  it('adopts what it finds running', () => {
    const { records, sandboxAttempt } = absorb(checkpoint(pod()), [sandbox({ attempt: 2 }), info('main', { attempt: 4 })], options)
    assert.equal(sandboxAttempt, 2)
    assert.deepEqual([records.main?.attempt, records.main?.containerId, records.main?.ended], [4, 'main-4', undefined])
  })

  it('notes how an attempt ended, with its last words', () => {
    const exited = info('main', { state: 'exited', exitCode: 137, oomKilled: true, finishedAt: 8_000 })
    const { records } = absorb(checkpoint(pod()), [exited], { ...options, messages: new Map([['main-0', 'bye']]) })
    assert.deepEqual(records.main?.ended, {
      exitCode: 137,
      reason: 'OOMKilled',
      message: 'bye',
      startedAt: 1_000,
      finishedAt: 8_000,
      containerId: 'main-0',
    })
  })

  it('keeps what has ended when its container is pruned', () => {
    const before = checkpoint(pod(), { records: { main: record('main', { ended: ended(0) }) } })
    assert.deepEqual(absorb(before, [], options).records, before.records)
  })

  it('takes one that was running and is gone for ended in an unknown way, unless it is being started', () => {
    const before = checkpoint(pod(), { records: { main: record('main') } })
    assert.equal(absorb(before, [], options).records.main?.ended?.reason, 'ContainerStatusUnknown')
    assert.equal(absorb(before, [], { ...options, busy: new Set(['start:main']) }).records.main?.ended, undefined)
  })

  it('counts restarts in a row, and begins anew after ten minutes of running', () => {
    const crashes = (finishedAt: number) => {
      const before = checkpoint(pod(), {
        records: { main: record('main', { attempt: 3, crashes: 3, ended: ended(1, { startedAt: 0, finishedAt }) }) },
      })
      const after = absorb(before, [info('main', { attempt: 4 })], options).records.main
      assert.equal(after?.last?.finishedAt, finishedAt)
      return after?.crashes
    }
    assert.deepEqual([crashes(1_000), crashes(600_000)], [4, 1])
  })

  it('ignores a container that is only created', () => {
    assert.deepEqual(absorb(checkpoint(pod()), [info('main', { state: 'created', startedAt: undefined })], options).records, {})
  })

  it('counts a start that Docker refused as an attempt once nobody tries any more', () => {
    const failed = info('main', { state: 'exited', startedAt: undefined, error: 'no such file', exitCode: 127 })
    assert.deepEqual(absorb(checkpoint(pod()), [failed], { ...options, busy: new Set(['start:main']) }).records, {})
    const { ended: how } = absorb(checkpoint(pod()), [failed], options).records.main ?? {}
    assert.deepEqual([how?.reason, how?.exitCode, how?.message], ['StartError', 127, 'no such file'])
  })
})

describe('recordsFromStatus()', () => {
  it('believes what was reported', () => {
    const shown = pod()
    shown.status = {
      containerStatuses: [
        {
          name: 'main',
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 2, finishedAt: '2026-01-01T00:00:00Z', containerID: 'docker://x' } },
          ready: false,
          restartCount: 4,
          image: 'app:1',
          imageID: '',
        },
      ],
    }
    const { main } = recordsFromStatus(shown)
    assert.deepEqual([main?.attempt, main?.ended?.exitCode, main?.ended?.containerId], [4, 2, 'x'])
  })
})
