/** Which etcd member is asked next, by when each last gave no answer; and whether any of them answers at all. */
import { type Clock, type Logger, unavailable } from '@davit/api'
import { isTransient } from './etcd-errors.ts'

/** Longer than this no member has answered: callers are refused at once, so that they ask another API server. */
const AWAY_MS = 5000

export class MemberChoice {
  readonly #urls: readonly string[]
  readonly #clock: Clock
  readonly #log: Logger
  readonly #failedMs: number[]
  /** The first is the nearest, if one is. */
  #preferred = 0
  /** When the first call failed since one was answered (monotonic). */
  #failingMs: number | undefined

  constructor(urls: readonly string[], { clock, log }: { clock: Clock; log: Logger }) {
    this.#urls = urls
    this.#clock = clock
    this.#log = log
    this.#failedMs = urls.map(() => Number.NEGATIVE_INFINITY)
  }

  /** Index of the member to ask. */
  get preferred(): number {
    return this.#preferred
  }

  /** No member has answered for so long that waiting for one is of no use to a client. */
  get areAway(): boolean {
    return this.#failingForMs > AWAY_MS
  }

  /** Throws 503 while the members are away; a heartbeat finds out when they are back. */
  mustAnswer(attempted: string): void {
    if (this.areAway) throw unavailable(`Cannot ${attempted}: etcd does not answer for ${(this.#failingForMs / 1000).toFixed(1)} s`)
  }

  answered(): void {
    this.#failingMs = undefined
  }

  /** Takes note of a failed call to a member; false when the failure is the member's answer. */
  failed(index: number, error: unknown): boolean {
    if (!isTransient(error)) {
      this.answered()
      return false
    }
    this.#failingMs ??= this.#clock.monotonic()
    this.avoid(index)
    return true
  }

  /** From now on the member is asked whose last failure is the longest ago. */
  avoid(index: number): void {
    this.#failedMs[index] = this.#clock.monotonic()
    if (index !== this.#preferred) return
    this.#preferred = this.#failedMs.indexOf(Math.min(...this.#failedMs))
    if (index !== this.#preferred)
      this.#log.warn({ from: this.#urls[index], to: this.#urls[this.#preferred] }, 'Changed to another etcd member')
  }

  get #failingForMs(): number {
    return this.#failingMs === undefined ? 0 : this.#clock.monotonic() - this.#failingMs
  }
}
