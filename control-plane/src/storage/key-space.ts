/**
 * Every resource's cache, all at one revision. Fed by one watch over the whole key space, so that every revision of etcd
 * arrives here, also those that concern nobody: the revision says how fresh everything is.
 */
import { apiError, type Clock } from '@davit/api'
import type { Envelope } from './envelope.ts'
import type { RingLimits } from './event-ring.ts'
import { Progress } from './progress.ts'
import { ResourceCache } from './resource-cache.ts'
import { StoredObject } from './stored-object.ts'
import type { StoredResource } from './types.ts'

/** One change as etcd tells it; `value` undefined: deleted. */
export interface EtcdChange {
  readonly key: string
  readonly revision: number
  readonly value: Buffer | undefined
}

export class KeySpace {
  readonly progress = new Progress()
  readonly #clock: Clock
  readonly #envelope: Envelope
  readonly #limits: RingLimits
  readonly #caches = new Map<string, ResourceCache>()
  /** How many slashes prefixes have: `/registry/pods/` three, `/registry/services/specs/` four. */
  readonly #depths = new Set<number>()
  readonly #listeners = new Set<(change: EtcdChange) => void>()

  constructor({ clock, envelope, limits }: { clock: Clock; envelope: Envelope; limits: RingLimits }) {
    this.#clock = clock
    this.#envelope = envelope
    this.#limits = limits
  }

  get revision(): number {
    return this.progress.revision
  }

  get caches(): ReadonlyMap<string, ResourceCache> {
    return this.#caches
  }

  register(resource: StoredResource): void {
    this.adopt(this.newCache(resource))
  }

  /** An empty cache that nothing feeds yet. */
  newCache(resource: StoredResource): ResourceCache {
    if (!resource.prefix.endsWith('/'))
      throw new Error(`Cannot register "${resource.name}": prefix "${resource.prefix}" does not end in "/"`)
    if (this.#caches.has(resource.prefix)) throw new Error(`Cannot register "${resource.name}": prefix "${resource.prefix}" is taken`)
    return new ResourceCache(resource, this.#limits)
  }

  /** From now on the cache gets every change below its prefix. */
  adopt(cache: ResourceCache): void {
    const { prefix } = cache.resource
    this.#caches.set(prefix, cache)
    this.#depths.add(prefix.split('/').length - 1)
  }

  /** Ends the cache's watches. */
  drop(cache: ResourceCache): void {
    if (this.#caches.get(cache.resource.prefix) === cache) this.#caches.delete(cache.resource.prefix)
    for (const watcher of [...cache.audience]) watcher.close()
  }

  /** Throws NotFound for one that was never there, or has gone. */
  cacheOf(resource: StoredResource): ResourceCache {
    const cache = this.#caches.get(resource.prefix)
    if (!cache) throw apiError('NotFound', 'the server could not find the requested resource')
    return cache
  }

  /** The cache a key belongs to; undefined for keys that are not objects. */
  cacheFor(key: string): ResourceCache | undefined {
    let end = -1
    for (let depth = 1; ; depth++) {
      end = key.indexOf('/', end + 1)
      if (end < 0) return undefined
      const cache = this.#depths.has(depth) ? this.#caches.get(key.slice(0, end + 1)) : undefined
      if (cache) return cache
    }
  }

  /** An etcd value as an object; unreadable ones stand for themselves. */
  decode(cache: ResourceCache, { key, revision, value }: { key: string; revision: number; value: Buffer }): StoredObject {
    if (!cache.resource.encrypted) return StoredObject.fromValue(key, revision, value)
    try {
      return StoredObject.fromValue(key, revision, this.#envelope.open(key, value))
    } catch (error) {
      return StoredObject.unreadable(key, revision, error)
    }
  }

  /** What etcd is to store for an object at `key`. */
  encode(key: string, value: Buffer): Buffer {
    return this.cacheFor(key)?.resource.encrypted ? this.#envelope.seal(key, value) : value
  }

  /** Applies all changes up to `revision`, in one step as far as anyone can see. Changes that are known already are skipped. */
  apply(changes: readonly EtcdChange[], revision: number): void {
    if (revision <= this.revision) return
    const atMs = this.#clock.monotonic()
    for (const change of changes) {
      if (change.revision <= this.revision) continue
      const cache = this.cacheFor(change.key)
      for (const listener of this.#listeners) listener(change)
      if (!cache) continue
      const { value } = change
      const stored = value && this.decode(cache, { ...change, value })
      cache.apply({ key: change.key, revision: change.revision, stored }, atMs)
    }
    this.progress.advance(revision)
  }

  /** Begins anew from complete listings at `revision`. */
  replace(listings: ReadonlyMap<ResourceCache, StoredObject[]>, revision: number): void {
    for (const [cache, objects] of listings) cache.replace(objects, revision)
    this.progress.restart(revision)
  }

  /** Calls back with every change that is applied, until the returned function is called. */
  listen(listener: (change: EtcdChange) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
