import { apiError, type Clock } from '@davit/api'

const WINDOW_MS = 60_000
const FAILURES_MAX = 10
const ADDRESSES_MAX = 10_000

/** Slows down guessing: an address that failed ten times within a minute waits for the rest of it. */
export class AttemptLimiter {
  readonly #clock: Clock
  /** In the order of their first failure, so the oldest goes when there are too many. */
  readonly #failures = new Map<string, { count: number; since: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Throws TooManyRequests. */
  check(address: string): void {
    const failures = this.#failures.get(address)
    if (!failures) return
    const leftMs = failures.since + WINDOW_MS - this.#clock.monotonic()
    if (leftMs <= 0) {
      this.#failures.delete(address)
      return
    }
    if (failures.count < FAILURES_MAX) return
    const retryAfterSeconds = Math.ceil(leftMs / 1000)
    throw apiError('TooManyRequests', `Too many wrong join tokens from ${address}; try again in ${retryAfterSeconds} s`, {
      retryAfterSeconds,
    })
  }

  failed(address: string): void {
    const failures = this.#failures.get(address)
    if (failures) failures.count++
    else this.#failures.set(address, { count: 1, since: this.#clock.monotonic() })
    const oldest = this.#failures.keys().next()
    if (this.#failures.size > ADDRESSES_MAX && !oldest.done) this.#failures.delete(oldest.value)
  }
}
