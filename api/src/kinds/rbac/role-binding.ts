import { defineKind } from '../../kind.ts'
import { object } from '../../schema/fields.ts'
import { applyBindingDefaults, bindingColumns, bindingFields, validateBinding, validateBindingUpdate } from './bindings.ts'
import { RBAC_GROUP, type RoleBinding } from './types.ts'

export const roleBindingKind = defineKind<RoleBinding>({
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  nameRule: 'path-segment',
  description: 'Gives a Role, or a ClusterRole within the namespace, to users, groups and ServiceAccounts.',
  schema: () => object('RoleBinding', 'Gives a role within a namespace.', bindingFields()),
  applyDefaults: applyBindingDefaults,
  validate: binding => validateBinding(binding, ['Role', 'ClusterRole'], true),
  validateUpdate: validateBindingUpdate,
  columns: bindingColumns,
})
