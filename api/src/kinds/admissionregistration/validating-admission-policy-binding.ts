import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { paramRefColumn, policyNameColumn } from './policy-columns.ts'
import { applyBindingDefaults } from './policy-defaults.ts'
import { validateBinding } from './policy-rules.ts'
import { bindingSpecSchema } from './policy-schema.ts'
import { ADMISSION_GROUP, type ValidatingAdmissionPolicyBinding } from './types.ts'

export const validatingAdmissionPolicyBindingKind = defineKind<ValidatingAdmissionPolicyBinding>({
  group: ADMISSION_GROUP,
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  categories: ['api-extensions'],
  namespaced: false,
  hasGeneration: true,
  description: 'Which requests a ValidatingAdmissionPolicy judges, with which parameters, and what a failure leads to.',
  schema: () =>
    object('ValidatingAdmissionPolicyBinding', 'Which requests a policy judges, and what a failure leads to.', {
      spec: field(bindingSpecSchema(), 'Which policy holds for which requests, and what it leads to.'),
    }),
  applyDefaults: applyBindingDefaults,
  validate: validateBinding,
  columns: [nameColumn, policyNameColumn, paramRefColumn, ageColumn],
})
