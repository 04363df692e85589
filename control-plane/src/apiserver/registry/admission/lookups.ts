import type { Kind, KubernetesObject, Target } from '@davit/api'
import type { Storage } from '../../../storage/types.ts'
import { keyOf, type Resources } from '../resources.ts'

/** What rules may ask of other objects. */
export interface Lookups {
  /** From the cache; what it does not have is looked for in etcd. */
  find<T extends KubernetesObject>(kind: Kind<T>, target: Target, signal?: AbortSignal): Promise<T | undefined>
  /** Only what the cache has, at once. */
  cached<T extends KubernetesObject>(kind: Kind<T>, target: Target): Promise<T | undefined>
  /** All of a kind that is few, or of one namespace, as the cache has them. */
  all<T extends KubernetesObject>(kind: Kind<T>, namespace?: string): Promise<T[]>
}

export function createLookups(storage: Storage, resources: Resources): Lookups {
  const get = async <T extends KubernetesObject>(kind: Kind<T>, target: Target, options: { cached?: boolean; signal?: AbortSignal }) => {
    const erased = kind as unknown as Kind
    if (!resources.serves(erased)) return undefined
    return (await storage.get(resources.stored(erased), keyOf(erased, target), options))?.object as T | undefined
  }
  const cached = <T extends KubernetesObject>(kind: Kind<T>, target: Target) => get(kind, target, { cached: true })
  return {
    cached,
    find: async (kind, target, signal) => (await cached(kind, target)) ?? (await get(kind, target, signal ? { signal } : {})),
    all: async <T extends KubernetesObject>(kind: Kind<T>, namespace?: string) => {
      const erased = kind as unknown as Kind
      if (!resources.serves(erased)) return []
      const { items } = await storage.list(resources.stored(erased), {
        resourceVersion: '0',
        ...(namespace !== undefined && { namespace }),
      })
      return items.map(({ object }) => object as T)
    },
  }
}
