import { GROUPS, isReason, type Kind, type Pod, podKind } from '@davit/api'
import type { Registry, User } from '../registry/index.ts'
import type { NodeLookups } from './node-rules.ts'

const USER: User = { name: 'system:apiserver', groups: [GROUPS.masters] }
const PODS = podKind as unknown as Kind

/** What the node rules ask, answered by the registry's index of pods by node. */
export function registryLookups(registry: Registry): NodeLookups {
  return {
    async podsOnNode(node, { namespace, fresh }) {
      const fieldSelector = `spec.nodeName=${node}`
      const { items } = await registry.list({ user: USER }, PODS, { namespace, fieldSelector, ...(!fresh && { resourceVersion: '0' }) })
      return items.map(({ object }) => object as Pod)
    },
    async pod(namespace, name, { fresh }) {
      try {
        const { object } = await registry.get({ user: USER }, PODS, { namespace, name }, fresh ? {} : { resourceVersion: '0' })
        return object as Pod
      } catch (error) {
        if (isReason(error, 'NotFound')) return undefined
        throw error
      }
    },
  }
}
