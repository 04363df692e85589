/** So many at once; who comes later waits, in order. */
export class Slots {
  readonly #waiting: (() => void)[] = []
  readonly #max: number
  #free: number

  /** At most `count` at once and `waitingMax` that wait. */
  constructor(count: number, waitingMax: number) {
    this.#free = count
    this.#max = waitingMax
  }

  /** Runs `work` once there is room. Throws Error when too many wait, and what the signal aborts with while it waits. */
  async run<R>(signal: AbortSignal, work: () => Promise<R>): Promise<R> {
    signal.throwIfAborted()
    if (this.#free > 0) this.#free--
    else await this.#wait(signal)
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#free++
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= this.#max) throw new Error('too many webhook calls are under way')
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        reject(signal.reason)
      }
      this.#waiting.push(go)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
