/**
 * The contract of the storage room: etcd is the only store and its revision the clock. Keys are etcd keys in Kubernetes'
 * layout; values are JSON with apiVersion and kind, without resourceVersion (design decision 2).
 */
import type { KubernetesObject } from '@davit/api'

/** One resource that is stored: what its watch cache must know. */
export interface StoredResource {
  /** Group and plural, as in `deployments.apps`; names the cache in metrics and messages. */
  readonly name: string
  /** `/registry/pods/`: ends in a slash. */
  readonly prefix: string
  readonly namespaced: boolean
  /** Values are encrypted (Secrets). */
  readonly encrypted: boolean
  /** Index by `spec.nodeName`: lists and watches that select it cost what their audience costs. */
  readonly indexByNode?: (object: KubernetesObject) => string | undefined
}

/** An object at a revision. Serialized once; parsed on first use and deeply frozen. */
export interface Stored {
  readonly key: string
  readonly revision: number
  /** JSON with `metadata.resourceVersion` spliced in. */
  readonly bytes: Buffer
  /** With `metadata.resourceVersion`. */
  readonly object: KubernetesObject
  /** It is stored in a version that would not be written any more: the next write brings it along, even one that changes nothing. */
  readonly isStale?: boolean
}

export type Operation =
  /** Fails unless the key is absent. */
  | { type: 'create'; key: string; value: KubernetesObject | string }
  /** Fails unless the key is at `revision`. */
  | { type: 'update'; key: string; value: KubernetesObject | string; revision: number }
  /** Fails unless the key is at `revision`. */
  | { type: 'delete'; key: string; revision: number }

/** A key that is read, not written: the commit fails unless it is at `revision` (0: absent). */
export interface Guard {
  readonly key: string
  readonly revision: number
}

export type CommitResult =
  | { committed: true; revision: number }
  /** Nothing was written. Where every compared key stands now (0: absent). */
  | { committed: false; revisions: ReadonlyMap<string, number> }

export interface ListRequest {
  namespace?: string
  /** Only objects whose `indexByNode` gives this. */
  nodeName?: string
  /** Only this object (field selector `metadata.name`). */
  name?: string
  limit?: number
  continue?: string
  resourceVersion?: string
  resourceVersionMatch?: 'Exact' | 'NotOlderThan'
  /** Applied before `limit`. */
  filter?: (object: KubernetesObject) => boolean
  signal?: AbortSignal
}

export interface ListResult {
  items: Stored[]
  /** What `metadata.resourceVersion` of the list says. */
  revision: number
  continue?: string
  remainingItemCount?: number
}

export interface WatchRequest {
  namespace?: string
  nodeName?: string
  name?: string
  /** Events after this revision. Left out or `0`: present state as `added` first. */
  resourceVersion?: string
  /** An object that begins or ceases to match is reported as added or deleted. */
  filter?: (object: KubernetesObject) => boolean
  bookmarks?: boolean
  /** Present state first, then a bookmark with the annotation `k8s.io/initial-events-end` (sendInitialEvents=true). */
  sendInitialEvents?: boolean
  /** Called when the watch ends because its events were not taken in time, also while nobody asks for the next. */
  onDropped?: () => void
  signal: AbortSignal
}

export type StorageEvent =
  | { type: 'added' | 'modified' | 'deleted'; stored: Stored; previous?: Stored }
  | { type: 'bookmark'; revision: number; initialEventsEnd?: boolean }

/** How fresh the cache is, for answers given while etcd is away and for health. */
export interface CacheHealth {
  readonly revision: number
  /** Milliseconds since the cache last heard from etcd. */
  readonly ageMs: number
  readonly ready: boolean
}

export interface CommitOptions {
  /** Rejects the call; what was sent goes on. */
  signal?: AbortSignal
  /** Awaited right before anything is sent, and sent again. */
  confirm?: (() => Promise<void>) | undefined
}

export interface Storage {
  /** Must be called for every resource that is always there, before `start`. */
  register(resource: StoredResource): void
  /** One that comes while storage runs: resolves once it can be read. Does nothing for one that is there. Rejects when `signal` aborts. */
  add(resource: StoredResource, signal: AbortSignal): Promise<void>
  /** Forgets one that was added, and ends its watches. What is stored stays stored. */
  remove(resource: StoredResource): void
  /** Resolves once every cache is filled; rejects when `signal` aborts first. */
  start(signal: AbortSignal): Promise<void>
  /** Latest committed state, as fresh as a linearizable read; `cached`: at once from the cache. Undefined when absent. */
  get(
    resource: StoredResource,
    key: string,
    options?: { cached?: boolean; atLeast?: number; signal?: AbortSignal },
  ): Promise<Stored | undefined>
  list(resource: StoredResource, request: ListRequest): Promise<ListResult>
  /** Events in batches, in revision order, each key's changes once. Throws ApiError Expired when the version is too old. */
  watch(resource: StoredResource, request: WatchRequest): AsyncIterable<StorageEvent[]>
  /**
   * Writes all operations in one etcd transaction or none. Throws ApiError: 504 when the outcome stays unknown after reading
   * back, 503 when etcd cannot be reached, 413 when it is too large for etcd; whatever `confirm` rejects with.
   */
  commit(operations: readonly Operation[], guards?: readonly Guard[], options?: CommitOptions): Promise<CommitResult>
  /** Raw keys outside `/registry/` (allocations, leases of our own), from etcd itself. */
  read(key: string, signal?: AbortSignal): Promise<{ value: string; revision: number } | undefined>
  readPrefix(prefix: string, signal?: AbortSignal): Promise<{ key: string; value: string; revision: number }[]>
  /** A linearizable revision: everything committed before the call is at or below it. */
  currentRevision(signal?: AbortSignal): Promise<number>
  /** Resolves once the cache stands at `revision`. */
  reached(revision: number, signal?: AbortSignal): Promise<void>
  readonly health: CacheHealth
  close(): Promise<void>
}
