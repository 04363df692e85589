/** Storage, put together: members, key space, feed, freshness, and the loops that keep them honest. */
import { ApiError, type Clock, type Logger, unavailable } from '@davit/api'
import { abortable } from './abort.ts'
import { addResource } from './add-resource.ts'
import { audit } from './audit.ts'
import { commit } from './commit.ts'
import { type EncryptionKey, Envelope } from './envelope.ts'
import { isCompacted, toApiError } from './etcd-errors.ts'
import { Feed } from './feed.ts'
import { Fence } from './fence.ts'
import { Freshness } from './freshness.ts'
import { KeySpace } from './key-space.ts'
import { list } from './list.ts'
import { type EtcdCredentials, type EtcdOptions, Members } from './members.ts'
import { rangePages } from './ranges.ts'
import { RevisionReader } from './revision-reader.ts'
import { type EtcdSnapshot, takeSnapshot } from './snapshot.ts'
import type * as types from './types.ts'
import { watch } from './watch.ts'

export interface StorageOptions {
  readonly etcd: EtcdOptions
  /** Of this replica, different from all others'. */
  readonly name?: string
  /** The first writes, all read. Without any, nothing is encrypted. */
  readonly encryptionKeys?: readonly EncryptionKey[]
  /** Nobody else writes to this etcd, so reads need not ask it how far it is. */
  readonly isSoleWriter?: boolean
  readonly log: Logger
  readonly clock: Clock
  /** Bounds, for tests: events kept for each resource, and how many may wait for one watcher. */
  readonly limits?: {
    readonly ringEvents?: number
    readonly ringAgeMs?: number
    readonly watcherQueue?: number
    readonly watcherQueueBytes?: number
  }
}

/** What metrics show; all count up from 0. */
export interface StorageCounters {
  /** Keys on which the cache and etcd disagreed. Anything but 0 is a bug, here or in etcd. */
  readonly auditRepairs: number
  readonly watchResumes: number
  readonly listings: number
}

/** Storage on etcd, with what its upkeep needs besides. */
export interface EtcdStorage extends types.Storage {
  readonly counters: StorageCounters
  /** Compares the cache with etcd and puts right what differs; gives how many keys did. Runs by itself every 5 min. */
  audit(signal?: AbortSignal): Promise<number>
  /** A copy of the whole of etcd; everything that was committed before the call is in it. `signal` must abort in the end. */
  snapshot(signal: AbortSignal): Promise<EtcdSnapshot>
  /** New calls to etcd go out with these; nothing under way is lost. */
  renewCredentials(credentials: EtcdCredentials): void
  /** Forgets history before `revision`. Does nothing when that was done already. */
  compact(revision: number): Promise<void>
}

const RING_EVENTS = 4096
const RING_AGE_MS = 600_000
const RING_BYTES = 64 * 1024 * 1024
const WATCHER_QUEUE = 10_000
const WATCHER_QUEUE_BYTES = 16 * 1024 * 1024
const HEARTBEAT_MS = 1000
const BOOKMARK_MS = 60_000
const AUDIT_MS = 300_000

/** Connects to nothing until `start`. */
export function createStorage(options: StorageOptions): EtcdStorage {
  return new CachedStorage(options)
}

class CachedStorage implements EtcdStorage {
  readonly #members: Members
  readonly #space: KeySpace
  readonly #feed: Feed
  readonly #freshness: Freshness
  readonly #fence: Fence
  readonly #reader: RevisionReader
  readonly #clock: Clock
  readonly #log: Logger
  readonly #watcherBounds: { queueMax: number; queueBytesMax: number }
  readonly #stop = new AbortController()
  #running: Promise<unknown> | undefined
  #auditRepairs = 0
  #auditSoon = () => {}

  constructor({ etcd, name = '', encryptionKeys = [], isSoleWriter = false, log, clock, limits = {} }: StorageOptions) {
    this.#clock = clock
    this.#log = log
    this.#watcherBounds = {
      queueMax: limits.watcherQueue ?? WATCHER_QUEUE,
      queueBytesMax: limits.watcherQueueBytes ?? WATCHER_QUEUE_BYTES,
    }
    this.#members = new Members(etcd, { clock, log })
    const ring = { events: limits.ringEvents ?? RING_EVENTS, ageMs: limits.ringAgeMs ?? RING_AGE_MS, bytes: RING_BYTES }
    this.#space = new KeySpace({ clock, envelope: new Envelope(encryptionKeys), limits: ring })
    this.#feed = new Feed({ members: this.#members, space: this.#space, clock, log, onResume: () => this.#auditSoon() })
    this.#reader = new RevisionReader(this.#members, clock)
    this.#fence = new Fence(this.#members, name)
    const parts = { members: this.#members, reader: this.#reader, space: this.#space, feed: this.#feed, clock }
    this.#freshness = new Freshness({ ...parts, isSoleWriter })
  }

  get health(): types.CacheHealth {
    return this.#freshness.health
  }

  get counters(): StorageCounters {
    const { resumes, listings } = this.#feed.counters
    return { auditRepairs: this.#auditRepairs, watchResumes: resumes, listings }
  }

  register(resource: types.StoredResource): void {
    if (this.#running) throw new Error(`Cannot register "${resource.name}": storage has started`)
    this.#space.register(resource)
  }

  async add(resource: types.StoredResource, signal: AbortSignal): Promise<void> {
    const parts = { members: this.#members, space: this.#space, feed: this.#feed, clock: this.#clock }
    const ends = AbortSignal.any([signal, this.#stop.signal])
    await addResource(parts, resource, ends).catch(asApiError(`list ${resource.name}`, ends))
  }

  remove(resource: types.StoredResource): void {
    const cache = this.#space.caches.get(resource.prefix)
    if (cache) this.#space.drop(cache)
  }

  async start(signal: AbortSignal): Promise<void> {
    if (this.#running) throw new Error('Cannot start storage twice')
    const filled = new Promise<void>(resolve => {
      const loops = [this.#feed.run(this.#stop.signal, resolve), this.#beat(), this.#sendBookmarks(), this.#auditRegularly()]
      this.#running = Promise.all(loops)
    })
    try {
      await abortable(filled, signal)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async get(
    resource: types.StoredResource,
    key: string,
    { cached = false, atLeast, signal }: { cached?: boolean; atLeast?: number; signal?: AbortSignal } = {},
  ): Promise<types.Stored | undefined> {
    const cache = this.#space.cacheOf(resource)
    if (atLeast !== undefined) await this.#freshness.atLeast(atLeast, signal)
    else if (cached) this.#freshness.mustBeReady()
    else if (!this.#freshness.isCurrent) await this.#freshness.fresh(signal)
    const stored = cache.get(key)
    if (stored?.failure) throw stored.failure
    return stored
  }

  list(resource: types.StoredResource, request: types.ListRequest): Promise<types.ListResult> {
    return list({ members: this.#members, space: this.#space, freshness: this.#freshness }, this.#space.cacheOf(resource), request).catch(
      (error: unknown) => {
        if (error instanceof ApiError || request.signal?.aborted) throw error
        throw toApiError(error, `list ${resource.name}`)
      },
    )
  }

  watch(resource: types.StoredResource, request: types.WatchRequest): AsyncIterable<types.StorageEvent[]> {
    const parts = { space: this.#space, freshness: this.#freshness, ...this.#watcherBounds }
    return watch(parts, this.#space.cacheOf(resource), request)
  }

  async commit(
    operations: readonly types.Operation[],
    guards: readonly types.Guard[] = [],
    { signal, confirm }: types.CommitOptions = {},
  ): Promise<types.CommitResult> {
    signal?.throwIfAborted()
    const parts = { members: this.#members, space: this.#space, fence: this.#fence, clock: this.#clock, log: this.#log }
    return abortable(commit(parts, { operations, guards, confirm }), signal)
  }

  async read(key: string, signal?: AbortSignal): Promise<{ value: string; revision: number } | undefined> {
    const attempted = `read "${key}"`
    this.#members.choice.mustAnswer(attempted)
    const response = await this.#members
      .read(attempted, (kv, options) => kv.range({ key: Buffer.from(key) }, options), { signal })
      .catch(asApiError(attempted, signal))
    const kv = response.kvs[0]
    return kv && { value: kv.value.toString(), revision: Number(kv.mod_revision) }
  }

  async readPrefix(prefix: string, signal?: AbortSignal): Promise<{ key: string; value: string; revision: number }[]> {
    const found: { key: string; value: string; revision: number }[] = []
    try {
      for await (const { kvs } of rangePages(this.#members, { prefix, revision: 0, signal })) {
        for (const kv of kvs) found.push({ key: kv.key.toString(), value: kv.value.toString(), revision: Number(kv.mod_revision) })
      }
    } catch (error) {
      return asApiError(`read "${prefix}"`, signal)(error)
    }
    return found
  }

  async currentRevision(signal?: AbortSignal): Promise<number> {
    this.#members.choice.mustAnswer('read the revision')
    return (await this.#reader.read(signal)).revision
  }

  async reached(revision: number, signal?: AbortSignal): Promise<void> {
    await this.#space.progress.reached(revision, { signal })
  }

  async audit(signal?: AbortSignal): Promise<number> {
    const repaired = await audit({ members: this.#members, space: this.#space, log: this.#log }, signal)
    this.#auditRepairs += repaired
    return repaired
  }

  snapshot(signal: AbortSignal): Promise<EtcdSnapshot> {
    return takeSnapshot(this.#members, { log: this.#log, signal })
  }

  renewCredentials(credentials: EtcdCredentials): void {
    this.#members.renew(credentials)
  }

  async compact(revision: number): Promise<void> {
    try {
      await this.#members.read('compact', (kv, options) => kv.compact({ revision }, options))
    } catch (error) {
      if (!isCompacted(error)) asApiError('compact', undefined)(error)
    }
  }

  async close(): Promise<void> {
    const error = unavailable('Storage is closed')
    this.#stop.abort(error)
    await this.#running
    this.#endWatches()
    this.#space.progress.close(error)
    this.#members.close()
  }

  /** Their clients go on where they were, at an API server that has news. */
  #endWatches(): void {
    for (const cache of this.#space.caches.values()) for (const watcher of [...cache.audience]) watcher.close()
  }

  /** Keeps the cache's age known on a quiet cluster, and finds a stream that has died unnoticed. */
  async #beat(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#clock.sleep(HEARTBEAT_MS, signal).catch(() => {})
      if (signal.aborted || !this.#feed.ready) continue
      await this.#freshness.probe(signal).catch((err: unknown) => {
        if (!signal.aborted) this.#log.debug({ err }, 'The cache is not current')
      })
      if (this.#members.choice.areAway) this.#endWatches()
    }
  }

  async #sendBookmarks(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.#clock.sleep(BOOKMARK_MS, signal).catch(() => {})
      if (signal.aborted) return
      for (const cache of this.#space.caches.values()) {
        for (const watcher of cache.audience) if (watcher.bookmarks) watcher.bookmark(this.#space.revision)
      }
    }
  }

  /** etcd 3.4 and 3.5 can lose a delete around a compaction, and a resumed stream is where a gap would be. */
  async #auditRegularly(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const wake = new AbortController()
      this.#auditSoon = () => wake.abort()
      await this.#clock.sleep(AUDIT_MS, AbortSignal.any([signal, wake.signal])).catch(() => {})
      if (signal.aborted) return
      await this.audit(signal).catch((err: unknown) => {
        if (!signal.aborted) this.#log.info({ err }, 'The self-audit was not finished')
      })
    }
  }
}

function asApiError(attempted: string, signal: AbortSignal | undefined): (error: unknown) => never {
  return error => {
    if (error instanceof ApiError || signal?.aborted) throw error
    throw toApiError(error, attempted)
  }
}
