import { defineKind } from '../../kind.ts'
import { object } from '../../schema/fields.ts'
import { createdAtColumn, nameColumn } from '../columns.ts'
import { policyRulesSchema, validatePolicyRules } from './policy-rules.ts'
import { RBAC_GROUP, type Role } from './types.ts'

export const roleKind = defineKind<Role>({
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  nameRule: 'path-segment',
  description: 'What may be done in a namespace, by those a RoleBinding gives it to.',
  schema: () => object('Role', 'What may be done in a namespace.', { rules: policyRulesSchema() }),
  validate: ({ rules = [] }) => validatePolicyRules(rules, true),
  columns: [nameColumn, createdAtColumn],
})
