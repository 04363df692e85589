import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateMutatingPolicy } from './mutating-policy-rules.ts'
import { mutatingPolicySpecSchema } from './mutating-policy-schema.ts'
import { paramKindColumn } from './policy-columns.ts'
import { applyMutatingPolicyDefaults } from './policy-defaults.ts'
import { ADMISSION_GROUP, type MutatingAdmissionPolicy } from './types.ts'

export const mutatingAdmissionPolicyKind = defineKind<MutatingAdmissionPolicy>({
  group: ADMISSION_GROUP,
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  description: 'Changes in CEL that are made to objects before they are stored, where a binding says so.',
  schema: () =>
    object('MutatingAdmissionPolicy', 'Changes that are made to objects before they are stored.', {
      spec: field(mutatingPolicySpecSchema(), 'Which requests are changed, and how.'),
    }),
  applyDefaults: applyMutatingPolicyDefaults,
  validate: validateMutatingPolicy,
  columns: [
    nameColumn,
    {
      name: 'Mutations',
      type: 'integer',
      description: 'How many mutations there are.',
      value: ({ spec }) => spec?.mutations?.length ?? 0,
    },
    paramKindColumn,
    ageColumn,
  ],
})
