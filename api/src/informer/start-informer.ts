import { setMaxListeners } from 'node:events'
import type { Client } from '../client/client.ts'
import { type Clock, systemClock } from '../clock.ts'
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import type { Logger } from '../reconcile/run-controller.ts'
import type { Change, Indexers, Informer } from './informer.ts'
import { keyOf, ObjectStore } from './object-store.ts'
import { reflect, type Scope } from './reflect.ts'
import { isNewer } from './resource-version.ts'

export interface InformerOptions<T> extends Scope {
  indexers?: Indexers<T>
  /** Ends the informer; the cache stays as it then is. */
  signal: AbortSignal
  log: Logger
  clock?: Clock
  /** Source of jitter, 0 to 1. */
  random?: () => number
}

/**
 * Starts to keep a copy of `kind`, which goes on until `signal` aborts, whatever fails. Changes reach all handlers in the order
 * of the server's versions, after the cache shows them. `synced` and `reached` reject with the signal's reason when it
 * aborts first. A version counts as reached with the first event that carries it, though a transaction on many objects gives
 * several: wait for more when you need them all.
 */
export function startInformer<T extends KubernetesObject>(client: Client, kind: Kind<T>, options: InformerOptions<T>): Informer<T> {
  const { indexers, signal, log, clock = systemClock, random, namespace, labelSelector, fieldSelector } = options
  const store = new ObjectStore<T>(indexers)
  const handlers = new Set<{ handle: (change: Change<T>) => void }>()
  const readers = new Waiters(signal)
  const about = { resource: kind.plural, ...(namespace && { namespace }) }
  let hasSynced = false
  const synced = new Deferred()
  synced.promise.catch(() => {})

  const tell = (handler: { handle: (change: Change<T>) => void }, change: Change<T>) => {
    try {
      handler.handle(change)
    } catch (err) {
      log.error({ ...about, key: change.key, change: change.type, err }, 'A handler of changes failed')
    }
  }
  const publish = (changes: readonly Change<T>[]) => {
    // A handler added meanwhile has been told the present state already, which includes all of `changes`.
    const present = [...handlers]
    for (const change of changes) for (const handler of present) if (handlers.has(handler)) tell(handler, change)
    readers.wake(store.resourceVersion)
  }

  // One signal ends all parts of a process, so more than ten listeners on it are no leak.
  setMaxListeners(0, signal)
  signal.addEventListener('abort', () => synced.reject(signal.reason), { once: true })
  if (signal.aborted) synced.reject(signal.reason)
  void reflect(
    client.resource(kind),
    {
      replaced: (items, version) => {
        publish(store.replace(items, version))
        hasSynced = true
        synced.resolve()
      },
      put: object => publish(store.put(object)),
      removed: object => publish(store.remove(object)),
      advanced: version => {
        store.advance(version)
        publish([])
      },
    },
    {
      scope: { ...(namespace && { namespace }), ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) },
      about,
      signal,
      log,
      clock,
      ...(random && { random }),
    },
  )

  return {
    cache: store,
    synced: synced.promise,
    get hasSynced() {
      return hasSynced
    },
    onChange(handle) {
      const handler = { handle }
      handlers.add(handler)
      for (const object of [...store.list()]) {
        if (handlers.has(handler)) tell(handler, { type: 'added', key: keyOf(object), object })
      }
      return () => void handlers.delete(handler)
    },
    reached: async (version, waiting) => {
      if (!isNewer(version, store.resourceVersion)) return
      await readers.wait(version, waiting)
    },
  }
}

/** Callers that wait for a version to be reached. */
class Waiters {
  readonly #waiting = new Set<{ version: string; deferred: Deferred }>()
  readonly #ended: AbortSignal

  constructor(ended: AbortSignal) {
    this.#ended = ended
    ended.addEventListener('abort', () => this.#rejectAll(), { once: true })
  }

  async wait(version: string, signal?: AbortSignal): Promise<void> {
    this.#ended.throwIfAborted()
    signal?.throwIfAborted()
    const waiter = { version, deferred: new Deferred() }
    const stop = () => waiter.deferred.reject(signal?.reason)
    this.#waiting.add(waiter)
    signal?.addEventListener('abort', stop, { once: true })
    try {
      await waiter.deferred.promise
    } finally {
      this.#waiting.delete(waiter)
      signal?.removeEventListener('abort', stop)
    }
  }

  wake(version: string): void {
    for (const waiter of this.#waiting) if (!isNewer(waiter.version, version)) waiter.deferred.resolve()
  }

  #rejectAll(): void {
    for (const waiter of this.#waiting) waiter.deferred.reject(this.#ended.reason)
  }
}

/** A promise settled from outside. */
class Deferred {
  readonly promise: Promise<void>
  resolve: () => void = () => {}
  reject: (reason: unknown) => void = () => {}

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}
