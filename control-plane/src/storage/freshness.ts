/**
 * How fresh the cache is. A read is as fresh as a linearizable one: etcd's revision is taken, then the cache must get
 * there. A cache that does not get there follows a stream that has died unnoticed, so the stream is dropped.
 */
import { type Clock, expired, unavailable } from '@davit/api'
import type { Feed } from './feed.ts'
import type { KeySpace } from './key-space.ts'
import type { Members } from './members.ts'
import { tooLargeVersion } from './resource-version.ts'
import type { RevisionReader } from './revision-reader.ts'
import type { CacheHealth } from './types.ts'

const REACH_MS = 3000
/** Where another member can be followed instead. */
const REACH_MS_OF_SEVERAL = 1500
/** After the stream was dropped: a resumed one gets this long. */
const RESUMED_REACH_MS = 3000

export interface FreshnessOptions {
  readonly members: Members
  readonly reader: RevisionReader
  readonly space: KeySpace
  readonly feed: Feed
  readonly clock: Clock
  /**
   * Nobody else writes to this etcd. Then all that was ever acknowledged, to anybody, is at or below what etcd has told us, and a read
   * that waits for that is linearizable without asking etcd again.
   */
  readonly isSoleWriter: boolean
}

export class Freshness {
  readonly #members: Members
  readonly #reader: RevisionReader
  readonly #space: KeySpace
  readonly #feed: Feed
  readonly #clock: Clock
  readonly #isSoleWriter: boolean
  /** When the cache was last known to be all of etcd (monotonic). */
  #currentMs: number

  constructor(options: FreshnessOptions) {
    this.#members = options.members
    this.#reader = options.reader
    this.#space = options.space
    this.#feed = options.feed
    this.#clock = options.clock
    this.#isSoleWriter = options.isSoleWriter
    this.#currentMs = options.clock.monotonic()
  }

  get ready(): boolean {
    return this.#feed.ready
  }

  get health(): CacheHealth {
    const since = Math.max(this.#currentMs, this.#feed.heardMs)
    return { revision: this.#space.revision, ageMs: Math.round(this.#clock.monotonic() - since), ready: this.ready }
  }

  /** Throws 503 until the cache was filled once. */
  mustBeReady(): void {
    if (!this.ready) throw unavailable('The cache is being filled from etcd')
  }

  /** Throws 503 while etcd is away: another API server may have better news. */
  mustFollow(): void {
    if (this.#members.choice.areAway) throw this.#stale('etcd does not answer')
  }

  /** Whether `fresh` has nothing to wait for: most reads need not. */
  get isCurrent(): boolean {
    return this.#isSoleWriter && this.ready && !this.#members.choice.areAway && this.#space.revision >= this.#members.heard
  }

  /** Resolves once the cache holds everything that was committed before the call. Throws 503, naming the cache's age. */
  async fresh(signal?: AbortSignal): Promise<number> {
    this.mustFollow()
    if (!this.#isSoleWriter || !this.ready) return this.probe(signal)
    const { heard } = this.#members
    if (this.#space.revision < heard) await this.#arrived(heard, signal)
    return heard
  }

  /** As `fresh`, but asks etcd even when it is known to be away. */
  async probe(signal?: AbortSignal): Promise<number> {
    const before = this.#space.revision
    let reading: Awaited<ReturnType<RevisionReader['read']>>
    try {
      reading = await this.#reader.read(signal)
    } catch (cause) {
      signal?.throwIfAborted()
      throw this.#stale('etcd does not answer', cause)
    }
    const { revision, askedMs } = reading
    // Linearizable reads never go back, so this etcd has lost history that we have seen: a restored backup.
    if (revision < before && this.ready) {
      this.#members.forgetAbove(revision)
      this.#feed.relist(`etcd stands at ${revision}, behind ${before}`)
      throw this.#stale(`etcd went back to revision ${revision}`)
    }
    await this.#arrived(revision, signal)
    this.#currentMs = Math.max(this.#currentMs, askedMs)
    return revision
  }

  /** Resolves once the cache stands at a revision that etcd has. */
  async #arrived(revision: number, signal: AbortSignal | undefined): Promise<void> {
    const timeoutMs = this.#members.count > 1 ? REACH_MS_OF_SEVERAL : REACH_MS
    if (await this.#space.progress.reached(revision, { timeoutMs, signal })) return
    this.#feed.drop(`Revision ${revision} did not arrive within ${timeoutMs} ms`)
    if (await this.#space.progress.reached(revision, { timeoutMs: RESUMED_REACH_MS, signal })) return
    throw this.#stale(`revision ${revision} does not arrive`)
  }

  /** Resolves once the cache stands at `revision`; 504 with cause ResourceVersionTooLarge after 3 s. */
  async atLeast(revision: number, signal?: AbortSignal): Promise<void> {
    this.mustBeReady()
    if (await this.#space.progress.reached(revision, { timeoutMs: REACH_MS, signal })) return
    throw tooLargeVersion(revision, this.#space.revision)
  }

  /** As `atLeast`, but 410 when etcd itself has not got so far: it was restored from a backup, and what was seen then never was. */
  async notBeyond(revision: number, signal?: AbortSignal): Promise<void> {
    this.mustBeReady()
    if (await this.#space.progress.reached(revision, { timeoutMs: REACH_MS, signal })) return
    const current = await this.fresh(signal)
    if (current < revision) throw expired(`too large resource version: ${revision}: etcd stands at ${current}, so it was restored since`)
  }

  #stale(why: string, cause?: unknown): Error {
    const seconds = (this.health.ageMs / 1000).toFixed(1)
    const error = unavailable(`Cannot read the latest state: ${why}; the cache was last current ${seconds} s ago`)
    if (cause !== undefined) error.cause = cause
    return error
  }
}
