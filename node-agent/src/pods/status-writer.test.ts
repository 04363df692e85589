import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, type Clock, conflict, type Pod, type PodStatus, podKind, systemClock } from '@davit/api'
import { StatusWriter } from './status-writer.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const ready = (status: 'True' | 'False'): PodStatus => ({ phase: 'Running', conditions: [{ type: 'Ready', status }] })
const pod = (resourceVersion: string, status: PodStatus): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', uid: 'u1', resourceVersion },
  spec: { containers: [] },
  status,
})

/** A writer whose writes wait in `patches` to be answered. */
function startWriter({ isBusy = () => false, clock = systemClock }: { isBusy?: () => boolean; clock?: Clock } = {}) {
  const stop = new AbortController()
  const patches: { answer: (pod: Pod) => void; refuse: (err: Error) => void }[] = []
  let arrived = () => {}
  const client = {
    resource: () => ({
      patch: () =>
        new Promise<Pod>((resolve, reject) => {
          patches.push({ answer: resolve, refuse: reject })
          arrived()
        }),
    }),
  } as unknown as Client
  const writer = new StatusWriter(client, { isBusy, clock, log: silent, signal: stop.signal })
  const untilPatches = async (count: number) => {
    while (patches.length < count) await new Promise<void>(resolve => (arrived = resolve))
    return patches[count - 1] ?? assert.fail()
  }
  return { writer, patches, untilPatches, stop: () => stop.abort() }
}

test('a status that another wrote over while ours was on its way is written again', { timeout: 5_000 }, async () => {
  const { writer, untilPatches, stop } = startWriter()
  writer.set(pod('10', ready('False')), ready('True'))
  const first = await untilPatches(1)
  // The node was found NotReady, and the watch is faster than the answer.
  writer.set(pod('12', ready('False')), ready('True'))
  first.answer(pod('11', ready('True')))
  const second = await untilPatches(2)
  second.answer(pod('13', ready('True')))
  await writer.flushed('u1', AbortSignal.timeout(2_000))
  stop()
})

test('a status that met a conflict is written again once the other write is known', { timeout: 5_000 }, async () => {
  const { writer, untilPatches, stop } = startWriter()
  writer.set(pod('10', ready('False')), ready('True'))
  const first = await untilPatches(1)
  writer.set(pod('11', ready('False')), ready('True'))
  first.refuse(conflict(podKind, 'web'))
  ;(await untilPatches(2)).answer(pod('12', ready('True')))
  await writer.flushed('u1', AbortSignal.timeout(2_000))
  stop()
})

test('a status that is shown late is written once', { timeout: 5_000 }, async () => {
  const { writer, patches, untilPatches, stop } = startWriter()
  writer.set(pod('10', ready('False')), ready('True'))
  const first = await untilPatches(1)
  writer.set(pod('9', ready('False')), ready('True'))
  first.answer(pod('11', ready('True')))
  await writer.flushed('u1', AbortSignal.timeout(2_000))
  writer.set(pod('10', ready('False')), ready('True'))
  assert.equal(patches.length, 1)
  stop()
})

test('that a pod is being started is told once no other is, and in any case after a while', { timeout: 5_000 }, async () => {
  const starting: PodStatus = {
    phase: 'Pending',
    containerStatuses: [
      { name: 'main', image: '', imageID: '', ready: false, restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } },
    ],
  }
  let nowMs = 0
  const clock: Clock = {
    ...systemClock,
    monotonic: () => nowMs,
    async sleep(ms) {
      nowMs += ms
    },
  }
  const { writer, untilPatches, stop } = startWriter({ isBusy: () => nowMs < 60_000, clock })
  writer.set(pod('10', {}), starting)
  ;(await untilPatches(1)).answer(pod('11', starting))
  await writer.flushed('u1', AbortSignal.timeout(2_000))
  assert.ok(nowMs >= 10_000 && nowMs < 11_000, `told after ${nowMs} ms`)
  stop()
})
