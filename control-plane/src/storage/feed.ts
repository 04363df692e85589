/**
 * Keeps the key space in step with etcd: a listing at one revision, then one watch from the next revision on. A stream
 * that breaks is resumed behind the last revision that was *applied*; only a compaction forces a new listing.
 */
import type { Clock, Logger } from '@davit/api'
import { isCompacted } from './etcd-errors.ts'
import type { EtcdChange, KeySpace } from './key-space.ts'
import type { Members, WatchStream } from './members.ts'
import { rangePages } from './ranges.ts'
import type { ResourceCache } from './resource-cache.ts'
import type { StoredObject } from './stored-object.ts'

export interface FeedCounters {
  /** Times the stream broke and was resumed. */
  resumes: number
  /** Times everything was listed, the first included. */
  listings: number
}

type Ending = { why: 'broken'; error: unknown } | { why: 'compacted' } | { why: 'dropped'; reason: string }
type WatchResponse = {
  header: { revision: string }
  created: boolean
  canceled: boolean
  compact_revision: string
  cancel_reason: string
  fragment: boolean
  events: WatchEvent[]
}
type WatchEvent = { type: string; kv: { key: Buffer; value: Buffer; mod_revision: string } }

const WHOLE = Buffer.from([0])
const CREATE_TIMEOUT_MS = 5000
/** Where another member can be asked instead. */
const CREATE_TIMEOUT_MS_OF_SEVERAL = 2000
const RETRY_DELAY_MS = 50
const RETRY_DELAY_MS_MAX = 1000

export class Feed {
  readonly counters: FeedCounters = { resumes: 0, listings: 0 }
  readonly #members: Members
  readonly #space: KeySpace
  readonly #clock: Clock
  readonly #log: Logger
  readonly #onResume: () => void
  #state: 'empty' | 'listed' = 'empty'
  #filled = false
  #drop: ((reason: string) => void) | undefined
  #heardMs: number

  constructor(options: { members: Members; space: KeySpace; clock: Clock; log: Logger; onResume: () => void }) {
    this.#members = options.members
    this.#space = options.space
    this.#clock = options.clock
    this.#log = options.log
    this.#onResume = options.onResume
    this.#heardMs = options.clock.monotonic()
  }

  /** Filled once. While it lists again, what it had before still serves those who do not ask for the latest. */
  get ready(): boolean {
    return this.#filled
  }

  /** When etcd last said anything on the stream (monotonic). */
  get heardMs(): number {
    return this.#heardMs
  }

  /** Runs until `signal` aborts; `onFilled` is called after each listing. */
  async run(signal: AbortSignal, onFilled: () => void): Promise<void> {
    let failures = 0
    while (!signal.aborted) {
      try {
        if (this.#state === 'empty') {
          await this.#list(signal)
          this.#state = 'listed'
          this.#filled = true
          onFilled()
        }
        const before = this.#space.revision
        const ending = await this.#stream(signal)
        if (signal.aborted) return
        if (this.#space.revision > before) failures = 0
        if (ending.why === 'compacted') {
          this.#log.warn({ revision: this.#space.revision }, 'The watch fell behind a compaction; listing again')
          this.#state = 'empty'
        } else {
          this.counters.resumes++
          this.#log.warn({ ...ending, revision: this.#space.revision }, 'The watch on etcd ended; resuming')
        }
      } catch (err) {
        if (signal.aborted) return
        this.#log.warn({ err }, 'Cannot follow etcd')
      }
      const delayMs = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS * 2 ** failures++)
      await this.#clock.sleep(delayMs * (0.5 + Math.random() / 2), signal).catch(() => {})
    }
  }

  /** Ends the present stream; it is resumed through another member, if there is one. */
  drop(reason: string): void {
    this.#drop?.(reason)
  }

  /** Throws away what is cached and lists again: etcd's history is not the one we followed. */
  relist(reason: string): void {
    this.#state = 'empty'
    this.drop(reason)
  }

  async #list(signal: AbortSignal): Promise<void> {
    this.counters.listings++
    for (;;) {
      try {
        const { listings, revision } = await listEverything(this.#members, this.#space, signal)
        // One that came while the others were listed would be missing.
        if ([...this.#space.caches.values()].some(cache => !listings.has(cache))) continue
        this.#space.replace(listings, revision)
        this.#heardMs = this.#clock.monotonic()
        return
      } catch (error) {
        if (!isCompacted(error)) throw error
      }
    }
  }

  async #stream(signal: AbortSignal): Promise<Ending> {
    const { stream, url, avoid } = await this.#members.openWatch()
    const ending = this.#follow(stream, signal)
    this.#log.debug({ url, from: this.#space.revision + 1 }, 'Watching etcd')
    stream.write({
      create_request: { key: WHOLE, range_end: WHOLE, start_revision: this.#space.revision + 1, progress_notify: true, fragment: true },
    })
    try {
      const ended = await ending
      if (ended.why !== 'compacted' && !signal.aborted) avoid()
      return ended
    } finally {
      this.#drop = undefined
      stream.cancel()
    }
  }

  #follow(stream: WatchStream, signal: AbortSignal): Promise<Ending> {
    return new Promise(resolve => {
      const end = (ending: Ending) => {
        clearTimeout(createTimer)
        signal.removeEventListener('abort', stop)
        over = true
        resolve(ending)
      }
      const stop = () => end({ why: 'dropped', reason: 'Storage is closing' })
      const createTimeoutMs = this.#members.count > 1 ? CREATE_TIMEOUT_MS_OF_SEVERAL : CREATE_TIMEOUT_MS
      const createTimer = setTimeout(() => end({ why: 'dropped', reason: 'The watch was not confirmed in time' }), createTimeoutMs)
      let over = false
      let fragments: WatchEvent[] = []
      this.#drop = reason => end({ why: 'dropped', reason })
      if (signal.aborted) stop()
      signal.addEventListener('abort', stop, { once: true })

      stream.on('error', error => end({ why: 'broken', error }))
      stream.on('end', () => end({ why: 'broken', error: new Error('etcd closed the stream') }))
      stream.on('data', message => {
        // Nothing of a stream that was given up may be applied: the next one is already catching up.
        if (over) return
        const response = message as unknown as WatchResponse
        this.#heardMs = this.#clock.monotonic()
        if (response.canceled) {
          const compacted = Number(response.compact_revision) > 0 || response.cancel_reason.includes('compacted')
          return end(
            compacted ? { why: 'compacted' } : { why: 'broken', error: new Error(`etcd cancelled the watch: ${response.cancel_reason}`) },
          )
        }
        if (response.created) {
          clearTimeout(createTimer)
          if (this.counters.resumes > 0 || this.counters.listings > 1) this.#onResume()
        }
        fragments.push(...response.events)
        if (response.fragment) return
        const events = fragments
        fragments = []
        try {
          this.#apply(events)
        } catch (error) {
          // A bug here must not leave a gap: the stream ends and resumes behind what was applied.
          this.#log.error({ err: error }, 'Cannot apply events')
          end({ why: 'broken', error })
        }
      })
    })
  }

  #apply(events: readonly WatchEvent[]): void {
    const last = events.at(-1)
    if (!last) return
    this.#space.apply(events.map(toChange), Number(last.kv.mod_revision))
  }
}

function toChange({ type, kv }: WatchEvent): EtcdChange {
  const deleted = type.toUpperCase() === 'DELETE'
  return { key: kv.key.toString(), revision: Number(kv.mod_revision), value: deleted ? undefined : kv.value }
}

async function listEverything(members: Members, space: KeySpace, signal: AbortSignal) {
  const listings = new Map<ResourceCache, StoredObject[]>()
  let revision = 0
  for (const cache of space.caches.values()) {
    const objects: StoredObject[] = []
    for await (const page of rangePages(members, { prefix: cache.resource.prefix, revision, signal })) {
      revision = page.revision
      for (const { key, value, mod_revision } of page.kvs) {
        objects.push(space.decode(cache, { key: key.toString(), revision: Number(mod_revision), value }))
      }
    }
    listings.set(cache, objects)
  }
  if (revision === 0) {
    const { header } = await members.read('read the revision', (kv, options) => kv.range({ key: WHOLE, count_only: true }, options), {
      signal,
    })
    revision = Number(header.revision)
  }
  return { listings, revision }
}
