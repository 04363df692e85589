import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateMutatingBinding } from './mutating-policy-rules.ts'
import { mutatingBindingSpecSchema } from './mutating-policy-schema.ts'
import { paramRefColumn, policyNameColumn } from './policy-columns.ts'
import { applyBindingDefaults } from './policy-defaults.ts'
import { ADMISSION_GROUP, type MutatingAdmissionPolicyBinding } from './types.ts'

export const mutatingAdmissionPolicyBindingKind = defineKind<MutatingAdmissionPolicyBinding>({
  group: ADMISSION_GROUP,
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  description: 'Which requests a MutatingAdmissionPolicy changes, with which parameters.',
  schema: () =>
    object('MutatingAdmissionPolicyBinding', 'Which requests a policy changes.', {
      spec: field(mutatingBindingSpecSchema(), 'Which policy holds for which requests.'),
    }),
  applyDefaults: applyBindingDefaults,
  validate: validateMutatingBinding,
  columns: [nameColumn, policyNameColumn, paramRefColumn, ageColumn],
})
