import { type Clock, systemClock } from '../clock.ts'

export interface WorkQueueOptions {
  clock?: Clock
  /** First and greatest delay of a key that keeps failing, milliseconds. */
  backoffMs?: { min: number; max: number }
  /** Source of jitter, 0 to 1. */
  random?: () => number
}

/** One for all: making an error costs its stack. */
const CANCELLED = new Error('The key is added at another time')

/**
 * Keys to reconcile: deduplicated, never handed out twice at once, delayed or backed off per key. A key added while it is
 * worked on is handed out again afterwards. Bounded by the number of distinct keys.
 */
export class WorkQueue {
  readonly #clock: Clock
  readonly #backoffMs: { min: number; max: number }
  readonly #random: () => number
  readonly #ready = new Set<string>()
  readonly #running = new Set<string>()
  readonly #again = new Set<string>()
  readonly #delayed = new Map<string, { at: number; timer: AbortController }>()
  readonly #failures = new Map<string, number>()
  #waiting: (() => void)[] = []
  #isClosed = false

  constructor({ clock = systemClock, backoffMs = { min: 5, max: 60_000 }, random = Math.random }: WorkQueueOptions = {}) {
    this.#clock = clock
    this.#backoffMs = backoffMs
    this.#random = random
  }

  get size(): number {
    return this.#ready.size
  }

  add(key: string): void {
    this.#cancelDelay(key)
    if (this.#running.has(key)) this.#again.add(key)
    else this.#ready.add(key)
    this.#waiting.shift()?.()
  }

  /** Adds after `delayMs`; of two times for one key the earlier wins. */
  addAfter(key: string, delayMs: number): void {
    if (this.#isClosed) return
    if (delayMs <= 0) {
      this.add(key)
      return
    }
    const at = this.#clock.monotonic() + delayMs
    const pending = this.#delayed.get(key)
    if (pending && pending.at <= at) return
    this.#cancelDelay(key)
    const timer = new AbortController()
    this.#delayed.set(key, { at, timer })
    this.#clock.sleep(delayMs, timer.signal).then(
      () => {
        this.#delayed.delete(key)
        this.add(key)
      },
      () => {},
    )
  }

  /** Adds after a delay that doubles with every failure of this key, with up to 20 % of jitter. */
  addRateLimited(key: string): void {
    const failures = this.#failures.get(key) ?? 0
    this.#failures.set(key, failures + 1)
    const delayMs = Math.min(this.#backoffMs.max, this.#backoffMs.min * 2 ** failures)
    this.addAfter(key, delayMs * (1 + 0.2 * this.#random()))
  }

  /** Ends the back-off of a key that went well. */
  forget(key: string): void {
    this.#failures.delete(key)
  }

  failures(key: string): number {
    return this.#failures.get(key) ?? 0
  }

  /** Must be called once for every key taken. */
  done(key: string): void {
    this.#running.delete(key)
    if (this.#again.delete(key)) this.add(key)
  }

  /** Hands out keys until `signal` aborts; several may take at once. */
  async *take(signal: AbortSignal): AsyncGenerator<string, void, void> {
    while (!signal.aborted) {
      const next = this.#ready.values().next()
      if (next.done) {
        await this.#arrival(signal)
        continue
      }
      this.#ready.delete(next.value)
      this.#running.add(next.value)
      yield next.value
    }
  }

  /** Nobody takes from it any more: what is delayed is forgotten, and no timer keeps the process. */
  close(): void {
    this.#isClosed = true
    for (const key of [...this.#delayed.keys()]) this.#cancelDelay(key)
  }

  #arrival(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.#waiting = this.#waiting.filter(waiter => waiter !== wake)
        resolve()
      }
      signal.addEventListener('abort', wake, { once: true })
      this.#waiting.push(wake)
    })
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.timer.abort(CANCELLED)
    this.#delayed.delete(key)
  }
}
