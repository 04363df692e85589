/** All objects of one resource at the revision of the whole cache, its recent events and its watchers. */
import { type ApiError, expired } from '@davit/api'
import { Audience, type Place } from './audience.ts'
import { CacheEvent } from './cache-event.ts'
import { EventRing, type RingLimits } from './event-ring.ts'
import { SortedKeys } from './sorted-keys.ts'
import type { StoredObject } from './stored-object.ts'
import type { StoredResource } from './types.ts'
import type { Scope } from './watcher.ts'

/** What became of a key at a revision; `stored` undefined: deleted. */
export interface KeyChange {
  readonly key: string
  readonly revision: number
  readonly stored: StoredObject | undefined
}

export class ResourceCache {
  readonly resource: StoredResource
  readonly audience = new Audience()
  readonly #limits: RingLimits
  #objects = new Map<string, StoredObject>()
  #keys = new SortedKeys()
  #nodes = new Map<string, Set<string>>()
  #ring: EventRing

  constructor(resource: StoredResource, limits: RingLimits) {
    this.resource = resource
    this.#limits = limits
    this.#ring = new EventRing(0, limits)
  }

  get size(): number {
    return this.#objects.size
  }

  get ring(): EventRing {
    return this.#ring
  }

  get(key: string): StoredObject | undefined {
    return this.#objects.get(key)
  }

  entries(): IterableIterator<StoredObject> {
    return this.#objects.values()
  }

  /** Begins anew from a complete listing at `revision`. Watchers cannot go on: what happened in between is unknown. */
  replace(objects: Iterable<StoredObject>, revision: number): void {
    this.#objects = new Map()
    this.#keys = new SortedKeys()
    this.#nodes = new Map()
    for (const stored of objects) this.#set(stored.key, undefined, stored)
    this.restart(revision, expired('The watch cache was rebuilt: list again.'))
  }

  /** Drops the events and ends every watch; objects stay. */
  restart(revision: number, reason: ApiError): void {
    this.#ring = new EventRing(revision, this.#limits)
    for (const watcher of [...this.audience]) watcher.close(reason)
  }

  /** Applies one change and tells those it concerns. A deletion of what is not here is no event. */
  apply({ key, revision, stored }: KeyChange, atMs: number): void {
    const previous = this.#objects.get(key)
    if (!stored && !previous) return
    this.#set(key, previous, stored)

    const event = new CacheEvent({ revision, key, stored, previous, atMs })
    this.#ring.push(event)
    if (this.audience.size === 0) return
    const places = [previous, stored].filter(object => object !== undefined).map(object => this.placeOf(object))
    for (const watcher of [...this.audience.of(places)]) watcher.offer(event)
  }

  /** Puts right what the self-audit found; the caller ends the watches by `restart`. */
  repair(key: string, stored: StoredObject | undefined): void {
    this.#set(key, this.#objects.get(key), stored)
  }

  /** In key order. The array is the caller's own, so it stays as it is while the cache goes on. */
  select(scope: Scope): StoredObject[] {
    return this.#keysOf(scope)
      .map(key => this.#objects.get(key))
      .filter((object): object is StoredObject => object !== undefined && this.isIn(scope, object))
  }

  isIn(scope: Scope, object: StoredObject): boolean {
    const place = this.placeOf(object)
    if (scope.namespace !== undefined && place.namespace !== scope.namespace) return false
    if (scope.name !== undefined && place.name !== scope.name) return false
    return scope.nodeName === undefined || place.nodeName === scope.nodeName
  }

  placeOf(object: StoredObject): Place {
    const rest = object.key.slice(this.resource.prefix.length)
    const slash = this.resource.namespaced ? rest.indexOf('/') : -1
    return { namespace: rest.slice(0, Math.max(0, slash)), name: rest.slice(slash + 1), nodeName: this.#nodeOf(object) }
  }

  /** Where in etcd a scope's keys begin. */
  prefixOf({ namespace }: Scope): string {
    return this.resource.namespaced && namespace !== undefined ? `${this.resource.prefix}${namespace}/` : this.resource.prefix
  }

  #keysOf(scope: Scope): string[] {
    const { name, nodeName } = scope
    if (name !== undefined && (scope.namespace !== undefined || !this.resource.namespaced)) return [this.prefixOf(scope) + name]
    if (nodeName !== undefined && this.resource.indexByNode) return [...(this.#nodes.get(nodeName) ?? [])].sort()
    return this.#keys.startingWith(this.prefixOf(scope))
  }

  #set(key: string, previous: StoredObject | undefined, stored: StoredObject | undefined): void {
    if (stored) this.#objects.set(key, stored)
    else this.#objects.delete(key)
    if (!previous) this.#keys.add(key)
    else if (!stored) this.#keys.delete(key)

    const from = previous && this.#nodeOf(previous)
    const to = stored && this.#nodeOf(stored)
    if (from === to) return
    if (from) this.#leaveNode(from, key)
    if (to) this.#joinNode(to, key)
  }

  #leaveNode(node: string, key: string): void {
    const keys = this.#nodes.get(node)
    keys?.delete(key)
    if (keys?.size === 0) this.#nodes.delete(node)
  }

  #joinNode(node: string, key: string): void {
    const keys = this.#nodes.get(node)
    if (keys) keys.add(key)
    else this.#nodes.set(node, new Set([key]))
  }

  #nodeOf(object: StoredObject): string | undefined {
    if (!this.resource.indexByNode || object.failure) return undefined
    return this.resource.indexByNode(object.object) || undefined
  }
}
