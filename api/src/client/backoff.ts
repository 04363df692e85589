export interface BackoffOptions {
  /** First and greatest delay, milliseconds. */
  min: number
  max: number
  /** Source of jitter, 0 to 1. */
  random?: () => number
}

/** Delays that double with every failure in a row, each shortened by up to half at random so that clients spread out. */
export class Backoff {
  readonly #min: number
  readonly #max: number
  readonly #random: () => number
  #failures = 0

  constructor({ min, max, random = Math.random }: BackoffOptions) {
    this.#min = min
    this.#max = max
    this.#random = random
  }

  get failures(): number {
    return this.#failures
  }

  /** Counts a failure; gives how many milliseconds to wait, never less than `min` nor more than `max`. */
  next(): number {
    const delayMs = Math.min(this.#max, this.#min * 2 ** Math.min(this.#failures, 30))
    this.#failures += 1
    return Math.max(this.#min, delayMs * (1 - 0.5 * this.#random()))
  }

  reset(): void {
    this.#failures = 0
  }
}
