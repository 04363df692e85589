/** One watch: what it wants, and a bounded queue between the cache that offers and the client that takes. */
import type { CacheEvent } from './cache-event.ts'
import type { StoredObject } from './stored-object.ts'
import type { StorageEvent } from './types.ts'

/** What a list or watch is about; each part narrows it. */
export interface Scope {
  readonly namespace?: string
  readonly name?: string
  readonly nodeName?: string
}

export interface WatcherOptions {
  readonly scope: Scope
  readonly matches: (object: StoredObject) => boolean
  /** Events at or before it are known to the client. */
  readonly after: number
  readonly bookmarks: boolean
  readonly queueMax: number
  /** Of the objects that wait, whoever else they are kept for. */
  readonly queueBytesMax: number
  /** Called when the client was too slow. */
  readonly onDropped?: (() => void) | undefined
  /** Called once, however it ends. */
  readonly onClose: (watcher: Watcher) => void
}

const BATCH_MAX = 500

/**
 * Iterate it once. It ends without error when the client is too slow (its queue is full): the client resumes from the
 * last version it has seen, as it does after any broken connection.
 */
export class Watcher implements AsyncIterableIterator<StorageEvent[]> {
  readonly scope: Scope
  readonly bookmarks: boolean
  lastBookmarkMs = 0
  readonly #options: WatcherOptions
  #initial: StorageEvent[] = []
  #queue: StorageEvent[] = []
  #queueBytes = 0
  #outcome: { error?: unknown } | undefined
  #wake: (() => void) | undefined
  #hasBegun = false

  constructor(options: WatcherOptions) {
    this.scope = options.scope
    this.bookmarks = options.bookmarks
    this.#options = options
  }

  /** Delivered before everything else and not counted against the queue. */
  deliverFirst(events: StorageEvent[]): void {
    this.#initial = events
  }

  offer(event: CacheEvent): void {
    if (this.#outcome || event.revision <= this.#options.after) return
    let seen: StorageEvent | undefined
    try {
      seen = event.seenBy(this.#options.matches)
    } catch (error) {
      // A filter that fails is this watcher's trouble and must not stop the cache.
      this.close(error)
      return
    }
    if (!seen) return
    const { queueMax, queueBytesMax, onDropped } = this.#options
    if (this.#queue.length >= queueMax || this.#queueBytes >= queueBytesMax) {
      this.close()
      onDropped?.()
      return
    }
    this.#queue.push(seen)
    this.#queueBytes += event.bytes
    this.#wake?.()
  }

  /** Says that all events up to `revision` were delivered. One bookmark replaces the one before it. */
  bookmark(revision: number): void {
    if (this.#outcome || revision < this.#options.after) return
    const last = this.#queue.at(-1)
    if (last?.type === 'bookmark' && !last.initialEventsEnd) this.#queue.pop()
    this.#queue.push({ type: 'bookmark', revision })
    this.#wake?.()
  }

  /** Ends the iteration, with `error` if there is one. What is queued is dropped. */
  close(error?: unknown): void {
    if (this.#outcome) return
    this.#outcome = error ? { error } : {}
    this.#initial = []
    this.#queue = []
    this.#options.onClose(this)
    this.#wake?.()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async next(): Promise<IteratorResult<StorageEvent[], undefined>> {
    while (!this.#outcome) {
      const initial = this.#initial.length > 0
      // Long initial state must not keep other requests from the loop.
      if (initial && this.#hasBegun) await new Promise(setImmediate)
      this.#hasBegun = true
      const batch = initial ? this.#initial.splice(0, BATCH_MAX) : this.#queue
      if (batch.length > 0) {
        if (!initial) {
          this.#queue = []
          this.#queueBytes = 0
        }
        return { done: false, value: batch }
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    const { error } = this.#outcome
    // Told once.
    this.#outcome = {}
    if (error) throw error
    return { done: true, value: undefined }
  }

  async return(): Promise<IteratorResult<StorageEvent[], undefined>> {
    this.close()
    return { done: true, value: undefined }
  }
}
