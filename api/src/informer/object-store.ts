import type { KubernetesObject } from '../meta.ts'
import type { Cache, Change, Indexers } from './informer.ts'
import { isNewer } from './resource-version.ts'

/**
 * The copy an informer keeps. Only its reflector writes (through this class); everyone else sees the `Cache` in it. Each write
 * gives the changes it made, so that what is told can never differ from what is stored.
 */
export class ObjectStore<T extends KubernetesObject> implements Cache<T> {
  readonly #indexers: Indexers<T>
  readonly #objects = new Map<string, T>()
  /** Index name → value → key → object. */
  readonly #indexes = new Map<string, Map<string, Map<string, T>>>()
  #resourceVersion = ''

  constructor(indexers: Indexers<T> = {}) {
    this.#indexers = indexers
    for (const name of Object.keys(indexers)) this.#indexes.set(name, new Map())
  }

  get size(): number {
    return this.#objects.size
  }

  get resourceVersion(): string {
    return this.#resourceVersion
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  list(): IterableIterator<T> {
    return this.#objects.values()
  }

  byIndex(name: string, value: string): readonly T[] {
    const index = this.#indexes.get(name)
    if (!index) throw new Error(`Cannot look up "${value}": there is no index "${name}", wanted one of ${[...this.#indexes.keys()]}`)
    return [...(index.get(value)?.values() ?? [])]
  }

  /** Makes the store hold exactly `items`, as they stood at `version`. */
  replace(items: readonly T[], version: string): Change<T>[] {
    const changes: Change<T>[] = []
    const gone = new Set(this.#objects.keys())
    for (const object of items) {
      gone.delete(keyOf(object))
      this.#put(object, changes)
    }
    for (const key of gone) this.#remove(key, undefined, changes)
    // A list is the truth even when it is older than what was seen before, as after a restore of the server's store.
    this.#resourceVersion = version
    return changes
  }

  /** An object as an event shows it; one that is not newer than the stored one is a replay and changes nothing. */
  put(object: T): Change<T>[] {
    const changes: Change<T>[] = []
    const stored = this.#objects.get(keyOf(object))
    const version = object.metadata.resourceVersion ?? ''
    if (!stored || isNewer(version, stored.metadata.resourceVersion ?? '')) this.#put(object, changes)
    this.advance(version)
    return changes
  }

  /** `object` in its last state; gone already is a replay. */
  remove(object: T): Change<T>[] {
    const changes: Change<T>[] = []
    this.#remove(keyOf(object), object, changes)
    this.advance(object.metadata.resourceVersion ?? '')
    return changes
  }

  /** Nothing else has changed up to `version`. */
  advance(version: string): void {
    if (isNewer(version, this.#resourceVersion)) this.#resourceVersion = version
  }

  #put(object: T, changes: Change<T>[]): void {
    const key = keyOf(object)
    const old = this.#objects.get(key)
    if (!old) {
      this.#set(key, object)
      changes.push({ type: 'added', key, object })
    } else if (old.metadata.uid !== object.metadata.uid) {
      // Another object of the same name: its predecessor's deletion was missed, and owners count by uid.
      this.#remove(key, old, changes)
      this.#set(key, object)
      changes.push({ type: 'added', key, object })
    } else if (old.metadata.resourceVersion !== object.metadata.resourceVersion) {
      this.#unindex(key, old)
      this.#set(key, object)
      changes.push({ type: 'updated', key, object, old })
    }
  }

  #set(key: string, object: T): void {
    this.#objects.set(key, object)
    for (const [name, values] of this.#entries(object)) {
      const index = this.#indexes.get(name)
      for (const value of values) {
        const members = index?.get(value)
        if (members) members.set(key, object)
        else index?.set(value, new Map([[key, object]]))
      }
    }
  }

  #remove(key: string, last: T | undefined, changes: Change<T>[]): void {
    const stored = this.#objects.get(key)
    if (!stored) return
    this.#objects.delete(key)
    this.#unindex(key, stored)
    changes.push({ type: 'deleted', key, object: last ?? stored })
  }

  #unindex(key: string, object: T): void {
    for (const [name, values] of this.#entries(object)) {
      const index = this.#indexes.get(name)
      for (const value of values) {
        const members = index?.get(value)
        members?.delete(key)
        if (members?.size === 0) index?.delete(value)
      }
    }
  }

  *#entries(object: T): Generator<[string, readonly string[]]> {
    for (const [name, indexer] of Object.entries(this.#indexers)) yield [name, indexer(object)]
  }
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf({ metadata }: KubernetesObject): string {
  return metadata.namespace ? `${metadata.namespace}/${metadata.name}` : (metadata.name ?? '')
}
