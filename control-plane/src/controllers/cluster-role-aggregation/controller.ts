/** Gives ClusterRoles that are made of others the rules of those that their selectors choose. */
import { isDeepStrictEqual } from 'node:util'
import { aggregateRules, type ClusterRole, clusterRoleKind, isReason, runController, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'

/** Settles when the context's signal aborts. */
export async function runClusterRoleAggregation({ client, clock, log, signal, informer }: ControllerContext): Promise<void> {
  const roles = informer(clusterRoleKind)
  await roles.synced
  const queue = new WorkQueue({ clock })
  // Any role may be chosen by any other, before its change or after it: they are few, and looked at in memory.
  roles.onChange(() => {
    for (const { metadata, aggregationRule } of roles.cache.list()) if (aggregationRule) queue.add(metadata.name ?? '')
  })
  const reconcile = async (name: string) => {
    const role = roles.cache.get(name)
    const wanted = role && planAggregation(role, roles.cache.list())
    if (!wanted) return
    try {
      const written = await client.resource(clusterRoleKind).update(wanted, { signal })
      await roles.reached(written.metadata.resourceVersion ?? '', signal)
    } catch (error) {
      // Whoever changed it meanwhile brings it back here.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    }
  }
  await runController(queue, reconcile, { log, signal })
}

/** The role with the rules it is to have; undefined when it has them. */
export function planAggregation(role: ClusterRole, roles: Iterable<ClusterRole>): ClusterRole | undefined {
  const rules = aggregateRules(role, roles)
  return rules === undefined || isDeepStrictEqual(rules, role.rules ?? []) ? undefined : { ...role, rules }
}
