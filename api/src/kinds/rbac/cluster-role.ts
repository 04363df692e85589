import { requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { field, list, object } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { createdAtColumn, nameColumn } from '../columns.ts'
import { policyRulesSchema, validatePolicyRules } from './policy-rules.ts'
import { type ClusterRole, RBAC_GROUP } from './types.ts'

export const clusterRoleKind = defineKind<ClusterRole>({
  group: RBAC_GROUP,
  version: 'v1',
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  nameRule: 'path-segment',
  description: 'What may be done in the whole cluster, or in a namespace, by those a binding gives it to.',
  schema: () =>
    object('ClusterRole', 'What may be done in the whole cluster, or in a namespace.', {
      rules: policyRulesSchema(),
      aggregationRule: field(
        object('AggregationRule', 'From which other roles the rules are put together.', {
          clusterRoleSelectors: list(labelSelectorSchema(), 'Roles that any of these selects give their rules.'),
        }),
        'If set, the rules are put together from other roles; those written by hand are replaced.',
      ),
    }),
  validate: ({ rules = [], aggregationRule }) => [
    ...validatePolicyRules(rules, false),
    ...(aggregationRule ? validateAggregation(aggregationRule) : []),
  ],
  columns: [nameColumn, createdAtColumn],
})

function validateAggregation({ clusterRoleSelectors: selectors = [] }: NonNullable<ClusterRole['aggregationRule']>): FieldError[] {
  const path = 'aggregationRule.clusterRoleSelectors'
  if (selectors.length === 0) return [requiredValue(path, 'at least one clusterRoleSelector required if aggregationRule is non-nil')]
  return selectors.flatMap((selector, i) => validateLabelSelector(selector, `${path}[${i}]`))
}
