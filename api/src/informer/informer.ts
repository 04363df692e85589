/**
 * An informer keeps a copy of a resource: list, then watch, resume from the last version seen, list again after 410. One
 * writer (the loop in `startInformer`), many readers (`Cache`).
 */
import type { KubernetesObject } from '../meta.ts'

export interface Cache<T extends KubernetesObject> {
  /** Key is `namespace/name`, or `name` for cluster-scoped kinds. */
  get(key: string): T | undefined
  list(): IterableIterator<T>
  /** Objects whose index `name` has `value`; the index must have been declared. */
  byIndex(name: string, value: string): readonly T[]
  readonly size: number
  /** The newest resourceVersion this cache is known to reflect. */
  readonly resourceVersion: string
}

export interface Change<T> {
  type: 'added' | 'updated' | 'deleted'
  key: string
  object: T
  /** The object before; for `updated` only. */
  old?: T
}

export interface Informer<T extends KubernetesObject> {
  readonly cache: Cache<T>
  /** Resolves after the first complete list. */
  readonly synced: Promise<void>
  /** True after the first complete list. */
  readonly hasSynced: boolean
  /** Calls `handler` for every object now in the cache, then for every change; stops when the returned function is called. */
  onChange(handler: (change: Change<T>) => void): () => void
  /** Resolves once the cache reflects `resourceVersion` or newer; for waiting to read one's own write. */
  reached(resourceVersion: string, signal?: AbortSignal): Promise<void>
}

/** Index name → values an object has under it. */
export type Indexers<T> = Readonly<Record<string, (object: T) => readonly string[]>>
