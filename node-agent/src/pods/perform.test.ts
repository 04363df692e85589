import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock, Pod } from '@davit/api'
import { Deadline } from './deadline.ts'
import { hurry } from './perform.ts'
import { PodRuntime } from './runtime.ts'

const HOUR_MS = 3_600_000

/** A pod that has been stopped for `ranMs` of 30 s, seen when the wall clock is off by `jumpMs`. */
function stopping({ ranMs, jumpMs = 0, graceSeconds }: { ranMs: number; jumpMs?: number; graceSeconds: number }): number {
  let monotonic = 1_000_000
  const clock = { monotonic: () => monotonic, now: () => monotonic + jumpMs } as Clock
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', uid: 'u' }, spec: { containers: [] } }
  const deletion = { since: monotonic }
  const runtime = new PodRuntime({ format: 1, pod, records: {}, sandboxAttempt: -1, startedAt: 0, deletion }, undefined)
  runtime.deadline = new Deadline(clock, 30_000)
  runtime.stoppingAt = monotonic
  monotonic += ranMs
  runtime.shown = { ...pod, metadata: { ...pod.metadata, deletionGracePeriodSeconds: graceSeconds } }
  hurry(runtime, { clock })
  return runtime.deadline.leftMs
}

test('hurry() leaves the time from the first deletion that the newest one gives', () => {
  assert.equal(stopping({ ranMs: 2_000, graceSeconds: 30 }), 28_000)
  assert.equal(stopping({ ranMs: 2_000, graceSeconds: 5 }), 3_000)
  assert.equal(stopping({ ranMs: 2_000, graceSeconds: 60 }), 28_000)
})

test('hurry() does not care for jumps of the wall clock', () => {
  for (const jumpMs of [HOUR_MS, -HOUR_MS]) assert.equal(stopping({ ranMs: 2_000, jumpMs, graceSeconds: 30 }), 28_000)
})

test('noteEnds() takes an end that was not there before for a new one, whatever the wall clock says', () => {
  const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', uid: 'u' }, spec: { containers: [] } }
  const record = { attempt: 0, containerId: 'a', sandbox: 0, imageId: 'i', crashes: 0 }
  const ended = { exitCode: 1, reason: 'Error', finishedAt: 990_000, containerId: 'a' }
  const endedAt = ({ lookedBefore }: { lookedBefore: boolean }) => {
    const runtime = new PodRuntime({ format: 1, pod, records: { main: record }, sandboxAttempt: 0, startedAt: 0 }, undefined)
    if (lookedBefore) runtime.noteEnds({ now: () => 1_000_000, monotonic: () => 10_000 })
    runtime.checkpoint.records = { main: { ...record, ended } }
    runtime.noteEnds({ now: () => 1_000_000 + HOUR_MS, monotonic: () => 11_000 })
    return runtime.endedAt.get('a')
  }
  assert.equal(endedAt({ lookedBefore: true }), 10_000)
  assert.equal(endedAt({ lookedBefore: false }), 11_000 - 300_000, 'an earlier agent has seen it, or none')
})
