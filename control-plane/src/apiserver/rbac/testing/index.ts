/** Roles for tests of other rooms. */
import type { KubernetesObject } from '@davit/api'
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLES } from '../policy/defaults.ts'
import { RoleIndex } from '../role-index.ts'

/** Those of a new cluster, and `more`. */
export function defaultRoles(more: readonly KubernetesObject[] = []): RoleIndex {
  const index = new RoleIndex()
  for (const object of [...CLUSTER_ROLES, ...CLUSTER_ROLE_BINDINGS, ...ROLES, ...more]) index.set(object)
  return index
}
