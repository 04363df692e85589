/** One at a time for each key, first come first served. */
import { apiError, type Clock } from '@davit/api'

/** More than this would not have their turn within the deadline anyway. */
const WAITING_MAX = 4000
const WAIT_MS_MAX = 10_000
/** Other replicas have only the pauses between our turns: under load they get one now and then. */
const TURNS_IN_A_ROW = 24
const PAUSE_MS = 10

interface Line {
  waiting: (() => void)[]
  /** Turns since the line was last empty, or paused. */
  inARow: number
}

export class Turns {
  readonly #clock: Clock
  readonly #lines = new Map<string, Line>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Resolves when it is the caller's turn, which lasts until the given function is called. Throws TooManyRequests when too many wait,
   * InternalError after 10 s, and what the signal aborts with.
   */
  async take(key: string, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted()
    const line = this.#lines.get(key)
    if (!line) {
      this.#lines.set(key, { waiting: [], inARow: 0 })
      return this.#ender(key)
    }
    if (line.waiting.length >= WAITING_MAX) {
      throw apiError('TooManyRequests', 'Too many writes wait to be charged to the quotas of this namespace', { retryAfterSeconds: 1 })
    }
    await this.#wait(line, signal)
    return this.#ender(key)
  }

  #wait(line: Line, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const over = new AbortController()
      const leave = (error: unknown) => {
        const at = line.waiting.indexOf(go)
        if (at < 0) return
        line.waiting.splice(at, 1)
        over.abort()
        signal?.removeEventListener('abort', aborted)
        reject(error)
      }
      const aborted = () => leave(signal?.reason)
      const go = () => {
        over.abort()
        signal?.removeEventListener('abort', aborted)
        resolve()
      }
      line.waiting.push(go)
      signal?.addEventListener('abort', aborted, { once: true })
      this.#clock.sleep(WAIT_MS_MAX, over.signal).then(
        () => leave(apiError('InternalError', 'Internal error occurred: resource quota evaluation timed out')),
        () => {},
      )
    })
  }

  #ender(key: string): () => void {
    let hasEnded = false
    return () => {
      if (hasEnded) return
      hasEnded = true
      this.#next(key)
    }
  }

  #next(key: string): void {
    const line = this.#lines.get(key)
    if (!line) return
    if (line.waiting.length === 0) {
      this.#lines.delete(key)
      return
    }
    if (++line.inARow < TURNS_IN_A_ROW) {
      line.waiting.shift()?.()
      return
    }
    line.inARow = 0
    // Whoever comes meanwhile waits with the others: the line is still there.
    void this.#clock.sleep(PAUSE_MS).then(() => this.#next(key))
  }
}
