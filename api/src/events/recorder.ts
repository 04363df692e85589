import type { Client } from '../client/client.ts'
import { startDeadline } from '../client/deadline.ts'
import type { Clock } from '../clock.ts'
import { type Event, eventKind } from '../kinds/core/event.ts'
import type { KubernetesObject } from '../meta.ts'
import type { Logger } from '../reconcile/run-controller.ts'
import { WorkQueue } from '../reconcile/work-queue.ts'
import { ApiError, isReason } from '../status.ts'
import { Correlator, type EventRecord } from './correlator.ts'

export type EventType = 'Normal' | 'Warning'

export interface EventRecorder {
  /**
   * Tells what happened to `object`, in the background; `reason` in one CamelCase word, `message` for people, `fieldPath` such as
   * `spec.containers{web}`. Never throws, never waits: events are lost rather than holding anything up.
   */
  event(object: KubernetesObject, type: EventType, reason: string, message: string, fieldPath?: string): void
  /** Resolves once every event so far is stored or given up, or the recorder has ended. */
  flush(signal?: AbortSignal): Promise<void>
}

export interface EventRecorderOptions {
  /** Who tells, such as `deployment-controller`. */
  component: string
  /** The node it runs on. */
  host?: string
  /** While it says so something more urgent is under way, and events of type Normal wait for its end; for some seconds at most. */
  isBusy?: () => boolean
  clock: Clock
  log: Logger
  /** Ends the recorder; what was not sent is lost. */
  signal: AbortSignal
}

const WAITING_MAX = 1_000
/** How long the API may be away before an event is given up. */
const WAIT_MS_MAX = 120_000
const SEND_MS_MAX = 10_000
const BACKOFF_MS = { min: 500, max: 10_000 }
const SENDERS = 4
/** How long an event waits for the end of what is more urgent, and how often it looks. */
const BUSY_MS = { max: 10_000, look: 500 }
const LOSS_TOLD_EVERY_MS = 60_000
const MESSAGE_LENGTH_MAX = 1_024

/** Starts to record events of one component as core/v1 Events, until `signal` aborts. */
export function createEventRecorder(client: Client, options: EventRecorderOptions): EventRecorder {
  const { component, host, isBusy = () => false, clock, log, signal } = options
  const events = client.resource(eventKind)
  const correlator = new Correlator(clock)
  const queue = new WorkQueue({ clock, backoffMs: BACKOFF_MS })
  const waiting = new Map<string, EventRecord>()
  let flushed: (() => void)[] = []

  const settle = (record: EventRecord) => {
    record.waitingSince = undefined
    waiting.delete(record.key)
    queue.forget(record.key)
    if (waiting.size === 0) release()
  }
  const release = () => {
    for (const resolve of flushed) resolve()
    flushed = []
  }

  const send = async (record: EventRecord): Promise<void> => {
    const { event } = record
    const target = { namespace: event.metadata.namespace ?? '', name: event.metadata.name ?? '' }
    const deadline = startDeadline('Event', SEND_MS_MAX, { clock, signal })
    try {
      const change = { count: event.count, lastTimestamp: event.lastTimestamp, message: event.message }
      if (record.isStored) await events.patch(target, { type: 'merge', body: change }, { signal: deadline.signal })
      else await events.create(structuredClone(event), { signal: deadline.signal })
      record.isStored = true
    } catch (err) {
      // Of two attempts the first got through though its answer did not.
      if (!record.isStored && isReason(err, 'AlreadyExists')) record.isStored = true
      else if (record.isStored && isReason(err, 'NotFound')) correlator.renew(record)
      else throw err
      return send(record)
    } finally {
      deadline.release()
    }
  }

  const mayWait = ({ event, waitingSince }: EventRecord) =>
    event.type === 'Normal' && flushed.length === 0 && clock.monotonic() - (waitingSince ?? 0) < BUSY_MS.max && isBusy()

  const work = async () => {
    for await (const key of queue.take(signal)) {
      const record = waiting.get(key)
      const sentCount = record?.event.count
      try {
        if (record && mayWait(record)) queue.addAfter(key, BUSY_MS.look)
        else {
          if (record) await send(record)
          // It happened again meanwhile: the queue hands the key out once more.
          if (record?.event.count === sentCount) record && settle(record)
          else queue.add(key)
        }
      } catch (err) {
        if (record && !signal.aborted) retryOrDrop(record, err)
      } finally {
        queue.done(key)
      }
    }
  }

  const retryOrDrop = (record: EventRecord, err: unknown) => {
    const waitedMs = clock.monotonic() - (record.waitingSince ?? 0)
    if (isTransient(err) && waitedMs < WAIT_MS_MAX) return queue.addRateLimited(record.key)
    lose(record, err)
    settle(record)
  }

  let lost = 0
  let toldAt = Number.NEGATIVE_INFINITY
  /** Told once in a while only: an outage loses many. */
  const lose = ({ event: { involvedObject, reason } }: EventRecord, err: unknown) => {
    lost += 1
    if (clock.monotonic() - toldAt < LOSS_TOLD_EVERY_MS) return
    const { kind, namespace, name } = involvedObject
    log.warn({ err, kind, namespace, name, reason, lost }, 'Events are lost')
    toldAt = clock.monotonic()
    lost = 0
  }

  signal.addEventListener('abort', release, { once: true })
  for (let sender = 0; sender < SENDERS; sender++) void work()

  return {
    event(object, type, reason, message, fieldPath) {
      if (signal.aborted) return
      const record = correlator.observe(newEvent(object, { type, reason, message, fieldPath, component, host }))
      if (!record) return
      if (!waiting.has(record.key) && waiting.size >= WAITING_MAX)
        return lose(record, new Error(`${WAITING_MAX} events are waiting already`))
      record.waitingSince ??= clock.monotonic()
      waiting.set(record.key, record)
      // One that is backing off already carries this along when its time comes.
      if (queue.failures(record.key) === 0) queue.add(record.key)
    },
    flush(flushSignal) {
      if (waiting.size === 0 || signal.aborted) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const stop = () => reject(flushSignal?.reason)
        if (flushSignal?.aborted) return stop()
        flushSignal?.addEventListener('abort', stop, { once: true })
        flushed.push(() => {
          flushSignal?.removeEventListener('abort', stop)
          resolve()
        })
        for (const key of waiting.keys()) if (queue.failures(key) === 0) queue.add(key)
      })
    },
  }
}

interface Happening {
  type: EventType
  reason: string
  message: string
  fieldPath: string | undefined
  component: string
  host: string | undefined
}

function newEvent(
  { apiVersion, kind, metadata }: KubernetesObject,
  { type, reason, message, fieldPath, component, host }: Happening,
): Event {
  const { namespace, name, uid, resourceVersion } = metadata
  return {
    apiVersion: 'v1',
    kind: 'Event',
    // Events of objects without a namespace live in `default`.
    metadata: { namespace: namespace || 'default' },
    involvedObject: {
      apiVersion,
      kind,
      ...(namespace && { namespace }),
      ...(name && { name }),
      ...(uid && { uid }),
      ...(resourceVersion && { resourceVersion }),
      ...(fieldPath && { fieldPath }),
    },
    reason,
    message: message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX - 3)}...` : message,
    source: { component, ...(host && { host }) },
    type,
    reportingComponent: component,
    reportingInstance: host ?? '',
  }
}

/** Whether sending again may help. */
function isTransient(error: unknown): boolean {
  return !(error instanceof ApiError) || error.code >= 500 || error.code === 429
}
