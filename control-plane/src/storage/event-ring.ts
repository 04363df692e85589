/** The recent events of one resource, for watches that resume. Bounded by number, age and bytes. */
import type { CacheEvent } from './cache-event.ts'

export interface RingLimits {
  readonly events: number
  readonly ageMs: number
  readonly bytes: number
}

export class EventRing {
  readonly #limits: RingLimits
  #events: CacheEvent[] = []
  /** Index of the oldest event still kept; the array is cut when half of it is behind. */
  #head = 0
  #floor: number
  #bytes = 0

  constructor(floor: number, limits: RingLimits) {
    this.#floor = floor
    this.#limits = limits
  }

  /** Every event after this revision is here. */
  get floor(): number {
    return this.#floor
  }

  get size(): number {
    return this.#events.length - this.#head
  }

  /** Revision of the newest event, or the floor. */
  get last(): number {
    return this.#events.at(-1)?.revision ?? this.#floor
  }

  push(event: CacheEvent): void {
    this.#events.push(event)
    this.#bytes += event.bytes
    while (this.size > this.#limits.events || this.#isTooLarge() || this.#oldestIsStale(event.atMs)) {
      const oldest = this.#events[this.#head] as CacheEvent
      this.#floor = oldest.revision
      this.#bytes -= oldest.bytes
      this.#head++
    }
    if (this.#head > 64 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head)
      this.#head = 0
    }
  }

  /** Events after `revision`, oldest first; undefined when some of them are gone. */
  since(revision: number): CacheEvent[] | undefined {
    if (revision < this.#floor) return undefined
    let low = this.#head
    let high = this.#events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle] as CacheEvent).revision <= revision) low = middle + 1
      else high = middle
    }
    return this.#events.slice(low)
  }

  #isTooLarge(): boolean {
    return this.size > 1 && this.#bytes > this.#limits.bytes
  }

  #oldestIsStale(nowMs: number): boolean {
    const oldest = this.#events[this.#head]
    return this.size > 1 && oldest !== undefined && nowMs - oldest.atMs > this.#limits.ageMs
  }
}
