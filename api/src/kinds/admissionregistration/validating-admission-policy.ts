import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { paramKindColumn } from './policy-columns.ts'
import { applyPolicyDefaults } from './policy-defaults.ts'
import { validatePolicy, validatePolicyStatus } from './policy-rules.ts'
import { policySpecSchema, policyStatusSchema } from './policy-schema.ts'
import { ADMISSION_GROUP, type ValidatingAdmissionPolicy } from './types.ts'

export const validatingAdmissionPolicyKind = defineKind<ValidatingAdmissionPolicy>({
  group: ADMISSION_GROUP,
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  subresources: ['status'],
  description: 'Rules in CEL that objects must meet to be stored, where a binding says so.',
  schema: () =>
    object('ValidatingAdmissionPolicy', 'Rules that objects must meet to be stored.', {
      spec: field(policySpecSchema(), 'Which requests are judged, and how.'),
      status: field(policyStatusSchema(), 'How the policy fares.'),
    }),
  applyDefaults: applyPolicyDefaults,
  validate: validatePolicy,
  validateStatus: validatePolicyStatus,
  columns: [
    nameColumn,
    {
      name: 'Validations',
      type: 'integer',
      description: 'How many validations there are.',
      value: ({ spec }) => spec?.validations?.length ?? 0,
    },
    paramKindColumn,
    ageColumn,
  ],
})
