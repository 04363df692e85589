import type { Cache, Change, Informer, KubernetesObject } from '@davit/api'

/** An informer fed by hand, for tests: what is put into it is what the API would have said. */
export class MemoryInformer<T extends KubernetesObject> implements Informer<T> {
  readonly #objects = new Map<string, T>()
  readonly #handlers = new Set<(change: Change<T>) => void>()
  readonly #waiting: { version: number; resolve: () => void }[] = []
  #version = 1
  readonly synced = Promise.resolve()
  readonly hasSynced = true
  readonly cache: Cache<T>

  constructor(objects: readonly T[] = []) {
    const map = this.#objects
    const version = () => String(this.#version)
    this.cache = {
      get: key => map.get(key),
      list: () => map.values(),
      byIndex: () => [],
      get size() {
        return map.size
      },
      get resourceVersion() {
        return version()
      },
    }
    for (const object of objects) this.put(object)
  }

  /** Creates or replaces; gives the new resourceVersion. */
  put(object: T): string {
    const key = keyOf(object)
    const old = this.#objects.get(key)
    this.#objects.set(key, object)
    return this.#tell(old === undefined ? { type: 'added', key, object } : { type: 'updated', key, object, old })
  }

  delete(key: string): string {
    const object = this.#objects.get(key)
    if (object === undefined) return String(this.#version)
    this.#objects.delete(key)
    return this.#tell({ type: 'deleted', key, object })
  }

  onChange(handler: (change: Change<T>) => void): () => void {
    for (const [key, object] of this.#objects) handler({ type: 'added', key, object })
    this.#handlers.add(handler)
    return () => void this.#handlers.delete(handler)
  }

  reached(resourceVersion: string): Promise<void> {
    const version = Number(resourceVersion)
    if (version <= this.#version) return Promise.resolve()
    return new Promise(resolve => void this.#waiting.push({ version, resolve }))
  }

  #tell(change: Change<T>): string {
    this.#version++
    for (const handler of this.#handlers) handler(change)
    for (const waiter of this.#waiting) if (waiter.version <= this.#version) waiter.resolve()
    return String(this.#version)
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return metadata.namespace === undefined ? (metadata.name ?? '') : `${metadata.namespace}/${metadata.name}`
}
