import { isDeepStrictEqual } from 'node:util'
import { selectorFromLabelSelector } from '../../selectors/labels.ts'
import type { ClusterRole, PolicyRule } from './types.ts'

/**
 * The rules of a role that is put together from others: of those that its selectors choose among `roles`, by name, each rule once.
 * Undefined for a role with rules of its own.
 */
export function aggregateRules({ metadata, aggregationRule }: ClusterRole, roles: Iterable<ClusterRole>): PolicyRule[] | undefined {
  if (!aggregationRule) return undefined
  const sorted = [...roles].filter(role => role.metadata.name !== metadata.name).sort(byName)
  const rules: PolicyRule[] = []
  for (const clusterRoleSelector of aggregationRule.clusterRoleSelectors ?? []) {
    const selector = selectorFromLabelSelector(clusterRoleSelector)
    for (const role of sorted) {
      if (!selector.matches(role.metadata.labels)) continue
      for (const rule of role.rules ?? []) if (!rules.some(known => isDeepStrictEqual(known, rule))) rules.push(rule)
    }
  }
  return rules
}

function byName({ metadata: { name: a = '' } }: ClusterRole, { metadata: { name: b = '' } }: ClusterRole): number {
  return a < b ? -1 : a > b ? 1 : 0
}
