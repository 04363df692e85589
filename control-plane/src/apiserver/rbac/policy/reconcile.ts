/** Makes the roles and bindings that every cluster has. */
import { setMaxListeners } from 'node:events'
import {
  type Client,
  type ClusterRole,
  clusterRoleBindingKind,
  clusterRoleKind,
  isReason,
  type Kind,
  type KubernetesObject,
  type Role,
  roleKind,
} from '@davit/api'
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLES } from './defaults.ts'
import { planBinding, planRole, type Step } from './plan.ts'

/** Several replicas may start at once and write the same. */
const TRIES = 5
const WRITES_AT_ONCE = 16

/** Makes what is missing and completes what is there, but for objects that say `autoupdate: "false"`. Roles first, so that no binding is without its role. */
export async function reconcilePolicy(client: Client, signal: AbortSignal): Promise<void> {
  // Every write that is under way listens to it.
  setMaxListeners(0, signal)
  await reconcileAll<ClusterRole>(client, clusterRoleKind, CLUSTER_ROLES, planRole, signal)
  await reconcileAll<Role>(client, roleKind, ROLES, planRole, signal)
  await reconcileAll(client, clusterRoleBindingKind, CLUSTER_ROLE_BINDINGS, planBinding, signal)
}

type Plan<T> = (found: T | undefined, wanted: T) => Step<T>

async function reconcileAll<T extends KubernetesObject>(
  client: Client,
  kind: Kind<T>,
  wanted: readonly T[],
  plan: Plan<T>,
  signal: AbortSignal,
): Promise<void> {
  const queue = wanted.values()
  const work = async () => {
    for (const object of queue) await reconcile(client, kind, object, plan, signal)
  }
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, work))
}

async function reconcile<T extends KubernetesObject>(
  client: Client,
  kind: Kind<T>,
  wanted: T,
  plan: Plan<T>,
  signal: AbortSignal,
): Promise<void> {
  const objects = client.resource(kind)
  const { name = '', namespace } = wanted.metadata
  const target = { name, ...(namespace && { namespace }) }
  for (let tries = 1; ; tries++) {
    try {
      const found = await objects.get(target, { signal }).catch((error: unknown) => {
        if (isReason(error, 'NotFound')) return undefined
        throw error
      })
      const step = plan(found, wanted)
      if (step.kind === 'nothing') return
      if (step.kind === 'replace') await objects.delete(target, { signal })
      await (step.kind === 'update' ? objects.update(step.object, { signal }) : objects.create(step.object, { signal }))
      return
    } catch (error) {
      const isRace = isReason(error, 'AlreadyExists') || isReason(error, 'Conflict') || isReason(error, 'NotFound')
      if (!isRace || tries >= TRIES) throw error
    }
  }
}
