import { defineKind } from '../../kind.ts'
import { object } from '../../schema/fields.ts'
import { applyBindingDefaults, bindingColumns, bindingFields, validateBinding, validateBindingUpdate } from './bindings.ts'
import { type ClusterRoleBinding, RBAC_GROUP } from './types.ts'

export const clusterRoleBindingKind = defineKind<ClusterRoleBinding>({
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  nameRule: 'path-segment',
  description: 'Gives a ClusterRole in the whole cluster to users, groups and ServiceAccounts.',
  schema: () => object('ClusterRoleBinding', 'Gives a role in the whole cluster.', bindingFields()),
  applyDefaults: applyBindingDefaults,
  validate: binding => validateBinding(binding, ['ClusterRole'], false),
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
})
