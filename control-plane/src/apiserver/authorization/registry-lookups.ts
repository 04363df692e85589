import { GROUPS, isReason, type Kind, type PersistentVolume, type Pod, persistentVolumeKind, podKind, type Target } from '@davit/api'
import type { Registry, User } from '../registry/index.ts'
import type { NodeLookups } from './node-rules.ts'

const USER: User = { name: 'system:apiserver', groups: [GROUPS.masters] }
const PODS = podKind as unknown as Kind
const VOLUMES = persistentVolumeKind as unknown as Kind

/** What the node rules ask, answered by the registry's index of pods by node. */
export function registryLookups(registry: Registry): NodeLookups {
  const find = async (kind: Kind, target: Target, fresh: boolean) => {
    try {
      return (await registry.get({ user: USER }, kind, target, fresh ? {} : { resourceVersion: '0' })).object
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined
      throw error
    }
  }
  return {
    async podsOnNode(node, { namespace, fresh }) {
      const fieldSelector = `spec.nodeName=${node}`
      const { items } = await registry.list({ user: USER }, PODS, { namespace, fieldSelector, ...(!fresh && { resourceVersion: '0' }) })
      return items.map(({ object }) => object as Pod)
    },
    pod: async (namespace, name, { fresh }) => (await find(PODS, { namespace, name }, fresh)) as Pod | undefined,
    volume: async (name, { fresh }) => (await find(VOLUMES, { name }, fresh)) as PersistentVolume | undefined,
  }
}
