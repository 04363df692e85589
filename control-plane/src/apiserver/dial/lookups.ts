import { GROUPS, isReason, type Kind } from '@davit/api'
import type { Registry, User } from '../registry/types.ts'
import type { Lookups } from './types.ts'

const USER: User = { name: 'system:apiserver', groups: [GROUPS.masters] }

/** From the registry's cache, as it is at once: what has just changed may still be missing. */
export function lookupsOf(registry: Pick<Registry, 'get' | 'list'>): Lookups {
  return {
    async find(kind, target, signal) {
      try {
        const context = { user: USER, ...(signal && { signal }) }
        return (await registry.get(context, kind as unknown as Kind, target, { resourceVersion: '0' })).object as never
      } catch (error) {
        if (isReason(error, 'NotFound')) return undefined
        throw error
      }
    },
    async all(kind, selected) {
      const { items } = await registry.list({ user: USER }, kind as unknown as Kind, { ...selected, resourceVersion: '0' })
      return items.map(({ object }) => object as never)
    },
  }
}
