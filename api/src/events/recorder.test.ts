import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { Client, ResourceClient } from '../client/client.ts'
import { listeningLog, SteppedClock } from '../informer/fake-api.ts'
import { type Event, eventKind } from '../kinds/core/event.ts'
import type { KubernetesObject } from '../meta.ts'
import { applyMergePatch } from '../patch/merge-patch.ts'
import { alreadyExists, forbidden, notFound, unavailable } from '../status.ts'
import { createEventRecorder } from './recorder.ts'

/** Keeps events as the API would. */
class FakeEvents implements Client {
  readonly stored = new Map<string, Event>()
  writes = 0
  /** Called before each write; what it throws is the answer. */
  refuse: () => void = () => {}
  /** Called after each write, before it is answered. */
  afterWrite: () => void = () => {}

  resource<T extends KubernetesObject>(): ResourceClient<T> {
    const client: Partial<ResourceClient<Event>> = {
      create: async event => {
        this.writes += 1
        await setImmediate()
        this.refuse()
        const name = event.metadata.name ?? ''
        if (this.stored.has(name)) throw alreadyExists(eventKind, name)
        this.stored.set(name, event)
        this.afterWrite()
        return event
      },
      patch: async ({ name }, { body }) => {
        this.writes += 1
        await setImmediate()
        this.refuse()
        const event = this.stored.get(name)
        if (!event) throw notFound(eventKind, name)
        this.stored.set(name, applyMergePatch(event, body) as Event)
        this.afterWrite()
        return event
      },
    }
    return client as unknown as ResourceClient<T>
  }

  get all(): string[] {
    return [...this.stored.values()].map(({ reason, message, count }) => `${reason} ${message} x${count}`)
  }
}

const pod = (name = 'web', namespace = 'ns'): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, uid: `uid-${name}`, resourceVersion: '5', ...(namespace && { namespace }) },
})

function start(t: { after(fn: () => void): void }, { isBusy = (): boolean => false } = {}) {
  const stop = new AbortController()
  t.after(() => stop.abort())
  const api = new FakeEvents()
  const clock = new SteppedClock()
  const log = listeningLog()
  const recorder = createEventRecorder(api, { component: 'test', host: 'node-1', isBusy, clock, log, signal: stop.signal })
  return { api, clock, log, recorder, stop }
}

test('event() makes an Event as kubectl expects it', async t => {
  const { api, recorder, clock } = start(t)
  clock.step(1_000)
  recorder.event(pod(), 'Warning', 'BackOff', 'Back-off restarting', 'spec.containers{web}')
  recorder.event(pod('node-1', ''), 'Normal', 'Ready', 'It is')
  await recorder.flush()
  const [event, ofNode] = [...api.stored.values()]
  assert.match(event?.metadata.name ?? '', /^web\.[0-9a-f]{16}$/)
  assert.deepEqual(
    { ...event, metadata: { ...event?.metadata, name: '' } },
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace: 'ns', name: '' },
      involvedObject: {
        apiVersion: 'v1',
        kind: 'Pod',
        namespace: 'ns',
        name: 'web',
        uid: 'uid-web',
        resourceVersion: '5',
        fieldPath: 'spec.containers{web}',
      },
      reason: 'BackOff',
      message: 'Back-off restarting',
      source: { component: 'test', host: 'node-1' },
      firstTimestamp: '1970-01-01T00:00:01Z',
      lastTimestamp: '1970-01-01T00:00:01Z',
      count: 1,
      type: 'Warning',
      reportingComponent: 'test',
      reportingInstance: 'node-1',
    },
  )
  assert.equal(ofNode?.metadata.namespace, 'default')
  assert.equal(ofNode && eventKind.validate(ofNode).length, 0)
})

test('the same event again raises the count, in one write however often it happened meanwhile', async t => {
  const { api, recorder, clock } = start(t)
  recorder.event(pod(), 'Normal', 'Pulled', 'again')
  await recorder.flush()
  clock.step(5_000)
  for (let i = 0; i < 5; i++) recorder.event(pod(), 'Normal', 'Pulled', 'again')
  await recorder.flush()
  assert.deepEqual(api.all, ['Pulled again x6'])
  assert.equal([...api.stored.values()][0]?.lastTimestamp, '1970-01-01T00:00:05Z')
  assert.equal(api.writes, 2)
})

test('what is normal waits while something more urgent goes on, for a while; a warning does not', async t => {
  let isBusy = true
  const { api, recorder, clock } = start(t, { isBusy: () => isBusy })
  const passes = async (ms: number) => {
    clock.step(ms)
    for (let turn = 0; turn < 10; turn++) await setImmediate()
  }
  recorder.event(pod(), 'Normal', 'Started', 'here')
  recorder.event(pod(), 'Warning', 'Failed', 'there')
  await passes(1_000)
  assert.deepEqual(api.all, ['Failed there x1'])
  isBusy = false
  await passes(1_000)
  assert.deepEqual(api.all, ['Failed there x1', 'Started here x1'])

  isBusy = true
  recorder.event(pod(), 'Normal', 'Created', 'late')
  for (let second = 0; second < 9; second++) await passes(1_000)
  assert.equal(api.stored.size, 2)
  await passes(1_000)
  await passes(1_000)
  assert.equal(api.stored.size, 3)

  recorder.event(pod(), 'Normal', 'Pulled', 'asked for')
  await recorder.flush()
  assert.equal(api.stored.size, 4)
})

test('an event that happens while it is being sent is sent again', async t => {
  const { api, recorder } = start(t)
  api.afterWrite = () => {
    api.afterWrite = () => {}
    recorder.event(pod(), 'Normal', 'Pulled', 'again')
  }
  recorder.event(pod(), 'Normal', 'Pulled', 'again')
  await recorder.flush()
  assert.deepEqual(api.all, ['Pulled again x2'])
})

test('many messages under one reason become one event', async t => {
  const { api, recorder } = start(t)
  for (let i = 1; i <= 14; i++) recorder.event(pod(), 'Warning', 'Failed', `try ${i}`)
  await recorder.flush()
  assert.equal(api.stored.size, 11)
  assert.equal(api.all.at(-1), 'Failed (combined from similar events): try 14 x4')
})

test('an object that causes too many events is heard again after a while', async t => {
  const { api, recorder, clock } = start(t)
  for (let i = 0; i < 40; i++) recorder.event(pod(), 'Normal', `Reason${i}`, 'x')
  recorder.event(pod('other'), 'Normal', 'Fine', 'x')
  await recorder.flush()
  assert.equal(api.stored.size, 26)
  clock.step(300_000)
  recorder.event(pod(), 'Normal', 'Later', 'x')
  recorder.event(pod(), 'Normal', 'Later', 'y')
  await recorder.flush()
  assert.equal(api.stored.size, 27)
})

test('an event that expired on the server is made anew', async t => {
  const { api, recorder } = start(t)
  recorder.event(pod(), 'Normal', 'Pulled', 'again')
  await recorder.flush()
  api.stored.clear()
  recorder.event(pod(), 'Normal', 'Pulled', 'again')
  await recorder.flush()
  assert.deepEqual(api.all, ['Pulled again x2'])
})

test('an answer that was lost does not make two of one', async t => {
  const { api, recorder, clock } = start(t)
  const slept = new Promise<void>(resolve => {
    clock.onSleep = ms => ms < 1_000 && resolve()
  })
  api.afterWrite = () => {
    api.afterWrite = () => {}
    throw unavailable('lost')
  }
  recorder.event(pod(), 'Normal', 'Pulled', 'once')
  await slept
  clock.step(1_000)
  await recorder.flush()
  assert.deepEqual(api.all, ['Pulled once x1'])
})

test('events wait while the API is away, but not for ever and not without bound', async t => {
  const { api, recorder, clock, log } = start(t)
  let isAway = true
  api.refuse = () => {
    if (isAway) throw unavailable('away')
  }
  for (let i = 0; i < 1_200; i++) recorder.event(pod(`pod-${i}`), 'Normal', 'Waits', 'x')
  assert.deepEqual(
    log.lines.map(({ message }) => message),
    ['Events are lost'],
  )
  let isFlushed = false
  const flushed = recorder.flush().then(() => {
    isFlushed = true
  })
  for (let turn = 0; turn < 2_000 && !isFlushed; turn++) {
    clock.step(100)
    await setImmediate()
  }
  await flushed
  const lost = log.lines.map(({ fields }) => (fields as { lost: number }).lost)
  assert.ok(lost.length <= 4, `told ${lost.length} times`)
  isAway = false
  recorder.event(pod(), 'Normal', 'Back', 'x')
  await recorder.flush()
  assert.deepEqual(api.all, ['Back x x1'])
})

test('an event that is refused is lost at once, and nothing else is', async t => {
  const { api, recorder, log } = start(t)
  api.refuse = () => {
    api.refuse = () => {}
    throw forbidden(eventKind, 'x', 'the namespace is being terminated')
  }
  recorder.event(pod(), 'Normal', 'One', 'x')
  await recorder.flush()
  recorder.event(pod(), 'Normal', 'Two', 'x')
  await recorder.flush()
  assert.deepEqual(api.all, ['Two x x1'])
  assert.deepEqual(
    log.lines.map(({ message }) => message),
    ['Events are lost'],
  )
})

test('flush() ends with its signal or the recorder’s', async t => {
  const { api, recorder, stop } = start(t)
  api.refuse = () => {
    throw unavailable('away')
  }
  recorder.event(pod(), 'Normal', 'One', 'x')
  await assert.rejects(recorder.flush(AbortSignal.abort(new Error('enough'))), /enough/)
  const flushed = recorder.flush()
  stop.abort()
  await flushed
  recorder.event(pod(), 'Normal', 'Late', 'x')
  await recorder.flush()
})
