/**
 * Decides what becomes of a new event, as client-go's correlator does: the same event again raises a count, many that differ only
 * in their message become one, and an object that causes too many is not listened to for a while.
 */
import { randomBytes } from 'node:crypto'
import { type Clock, formatTime } from '../clock.ts'
import type { Event } from '../kinds/core/event.ts'

/** An event as it ought to be on the server. */
export interface EventRecord {
  readonly key: string
  readonly event: Event
  /** Whether the server has it, in an earlier state perhaps. */
  isStored: boolean
  /** Monotonic time since when it waits to be sent, milliseconds; undefined when it does not. */
  waitingSince: number | undefined
}

const RECORDS_MAX = 4_096
/** More messages than this under one reason within the interval are told as one event. */
const SIMILAR_MAX = 10
const SIMILAR_INTERVAL_MS = 600_000
const SIMILAR_PREFIX = '(combined from similar events): '
const BURST = 25
const REFILL_MS = 300_000
const NAME_LENGTH_MAX = 253

export class Correlator {
  readonly #clock: Clock
  readonly #records = new Recent<EventRecord>(RECORDS_MAX, record => record.waitingSince === undefined)
  readonly #similar = new Recent<{ messages: Set<string>; since: number }>(RECORDS_MAX)
  readonly #buckets = new Recent<{ tokens: number; at: number }>(RECORDS_MAX)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The record of `event`, its count raised; undefined when its object has caused too many. */
  observe(event: Event): EventRecord | undefined {
    const { involvedObject: object, source } = event
    const objectKey = JSON.stringify([source, object.apiVersion, object.kind, object.namespace, object.name, object.uid])
    const similarKey = JSON.stringify([objectKey, event.type, event.reason])
    const isOneOfMany = this.#isOneOfMany(similarKey, event.message ?? '')
    const message = isOneOfMany ? SIMILAR_PREFIX + event.message : event.message
    const key = isOneOfMany ? similarKey : JSON.stringify([similarKey, object.fieldPath, message])
    const record = this.#record(key, event)
    record.event.count = (record.event.count ?? 0) + 1
    record.event.lastTimestamp = formatTime(this.#clock.now())
    if (message !== undefined) record.event.message = message
    return this.#spend(objectKey) ? record : undefined
  }

  /** The event went (an hour after it was last seen): it must be made anew under another name. */
  renew(record: EventRecord): void {
    record.isStored = false
    record.event.metadata.name = eventName(record.event.involvedObject.name ?? '')
  }

  #record(key: string, event: Event): EventRecord {
    const known = this.#records.get(key)
    if (known) return known
    const now = formatTime(this.#clock.now())
    const metadata = { ...event.metadata, name: eventName(event.involvedObject.name ?? '') }
    const record = { key, event: { ...event, metadata, firstTimestamp: now, count: 0 }, isStored: false, waitingSince: undefined }
    this.#records.set(key, record)
    return record
  }

  #isOneOfMany(key: string, message: string): boolean {
    const now = this.#clock.monotonic()
    let similar = this.#similar.get(key)
    if (!similar || now - similar.since > SIMILAR_INTERVAL_MS) similar = { messages: new Set(), since: now }
    this.#similar.set(key, similar)
    if (similar.messages.size < SIMILAR_MAX) similar.messages.add(message)
    return !similar.messages.has(message)
  }

  #spend(key: string): boolean {
    const now = this.#clock.monotonic()
    const last = this.#buckets.get(key)
    const tokens = last ? Math.min(BURST, last.tokens + (now - last.at) / REFILL_MS) : BURST
    const isEnough = tokens >= 1
    this.#buckets.set(key, { tokens: isEnough ? tokens - 1 : tokens, at: now })
    return isEnough
  }
}

/** `<object>.<hex>`, as client-go names events. */
function eventName(object: string): string {
  const suffix = `.${randomBytes(8).toString('hex')}`
  return object.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix
}

/** At most `max` values; the one not used for longest goes first, unless `mayGo` says no. */
class Recent<V> {
  readonly #values = new Map<string, V>()
  readonly #max: number
  readonly #mayGo: (value: V) => boolean

  constructor(max: number, mayGo: (value: V) => boolean = () => true) {
    this.#max = max
    this.#mayGo = mayGo
  }

  get(key: string): V | undefined {
    const value = this.#values.get(key)
    if (value !== undefined) this.set(key, value)
    return value
  }

  set(key: string, value: V): void {
    this.#values.delete(key)
    this.#values.set(key, value)
    if (this.#values.size <= this.#max) return
    for (const [oldest, old] of this.#values) {
      if (!this.#mayGo(old)) continue
      this.#values.delete(oldest)
      return
    }
  }
}
