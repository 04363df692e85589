/** Who watches one resource, found by what an event is about: an event costs what its audience costs. */
import type { Scope, Watcher } from './watcher.ts'

/** Where an object stands, before or after an event. */
export interface Place {
  readonly namespace: string
  readonly name: string
  readonly nodeName: string | undefined
}

export class Audience {
  readonly #all = new Set<Watcher>()
  readonly #byScope = new Map<string, Set<Watcher>>()

  add(watcher: Watcher): void {
    const key = scopeKey(watcher.scope)
    if (key === undefined) {
      this.#all.add(watcher)
      return
    }
    const present = this.#byScope.get(key)
    if (present) present.add(watcher)
    else this.#byScope.set(key, new Set([watcher]))
  }

  delete(watcher: Watcher): void {
    this.#all.delete(watcher)
    const key = scopeKey(watcher.scope)
    if (key === undefined) return
    const present = this.#byScope.get(key)
    present?.delete(watcher)
    if (present?.size === 0) this.#byScope.delete(key)
  }

  /** Each watcher that an event at these places may concern, once. */
  *of(places: readonly Place[]): Iterable<Watcher> {
    yield* this.#all
    if (this.#byScope.size === 0) return
    const keys = new Set<string>()
    for (const { namespace, name, nodeName } of places) {
      keys.add(`namespace ${namespace}`).add(`name ${namespace}/${name}`).add(`name /${name}`)
      if (nodeName) keys.add(`node ${nodeName}`)
    }
    for (const key of keys) {
      const watchers = this.#byScope.get(key)
      if (watchers) yield* watchers
    }
  }

  *[Symbol.iterator](): Iterator<Watcher> {
    yield* this.#all
    for (const watchers of this.#byScope.values()) yield* watchers
  }

  get size(): number {
    let size = this.#all.size
    for (const watchers of this.#byScope.values()) size += watchers.size
    return size
  }
}

/** The narrowest index a watch fits in; undefined: it hears of everything. */
function scopeKey({ namespace, name, nodeName }: Scope): string | undefined {
  if (name !== undefined) return `name ${namespace ?? ''}/${name}`
  if (nodeName !== undefined) return `node ${nodeName}`
  if (namespace !== undefined) return `namespace ${namespace}`
  return undefined
}
