/** How far the cache has come, and who waits for it to come further. */
interface Waiter {
  readonly revision: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class Progress {
  #revision = 0
  #waiting: Waiter[] = []
  #closed: Error | undefined

  get revision(): number {
    return this.#revision
  }

  advance(revision: number): void {
    if (revision <= this.#revision) return
    this.#revision = revision
    if (this.#waiting.length === 0) return
    const arrived = this.#waiting.filter(waiter => waiter.revision <= revision)
    if (arrived.length === 0) return
    this.#waiting = this.#waiting.filter(waiter => waiter.revision > revision)
    for (const { resolve } of arrived) resolve()
  }

  /** After a listing; etcd may have been restored from an older backup, so this may go back. */
  restart(revision: number): void {
    this.#revision = Math.min(this.#revision, revision - 1)
    this.advance(revision)
  }

  /** True once the cache stands at `revision`; false when that took longer than `timeoutMs`; rejects on abort. */
  async reached(
    revision: number,
    { timeoutMs, signal }: { timeoutMs?: number | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<boolean> {
    if (this.#revision >= revision) return true
    signal?.throwIfAborted()
    if (this.#closed) throw this.#closed
    let timer: NodeJS.Timeout | undefined
    let stop: (() => void) | undefined
    let waiter: Waiter | undefined
    try {
      return await new Promise<boolean>((resolve, reject) => {
        waiter = { revision, resolve: () => resolve(true), reject }
        this.#waiting.push(waiter)
        if (timeoutMs !== undefined) timer = setTimeout(() => resolve(false), timeoutMs)
        stop = () => reject(signal?.reason)
        signal?.addEventListener('abort', stop, { once: true })
      })
    } finally {
      clearTimeout(timer)
      if (stop) signal?.removeEventListener('abort', stop)
      const gone = waiter
      // On success `advance` has taken it out already.
      if (this.#revision < revision) this.#waiting = this.#waiting.filter(other => other !== gone)
    }
  }

  /** Everyone who waits, now or later, gets `error`. */
  close(error: Error): void {
    this.#closed = error
    for (const { reject } of this.#waiting) reject(error)
    this.#waiting = []
  }
}
