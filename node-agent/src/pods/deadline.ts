import type { Clock } from '@davit/api'

/** A time on the monotonic clock that may still be brought forward, as a second deletion with a shorter grace does. */
export class Deadline {
  readonly #clock: Clock
  #at: number
  #moved = new AbortController()

  constructor(clock: Clock, inMs: number) {
    this.#clock = clock
    this.#at = clock.monotonic() + inMs
  }

  /** In whole milliseconds, as timers take them. */
  get leftMs(): number {
    return Math.max(0, Math.ceil(this.#at - this.#clock.monotonic()))
  }

  /** Only ever makes it sooner. */
  bringForward(inMs: number): void {
    const at = this.#clock.monotonic() + inMs
    if (at >= this.#at) return
    this.#at = at
    this.#moved.abort()
    this.#moved = new AbortController()
  }

  /** Resolves when the time has come, or at once with `signal`. */
  async passed(signal: AbortSignal): Promise<void> {
    while (this.leftMs > 0 && !signal.aborted) {
      await this.#clock.sleep(this.leftMs, AbortSignal.any([signal, this.#moved.signal])).catch(() => {})
    }
  }
}
