import { defineKind } from '../../kind.ts'
import { field, object } from '../../schema/fields.ts'
import { formatLabelSelector } from '../../selectors/labels.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { applyBindingDefaults, validateBinding } from './policy-rules.ts'
import { bindingSpecSchema } from './policy-schema.ts'
import { ADMISSION_GROUP, type ParamRef, type ValidatingAdmissionPolicyBinding } from './types.ts'

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
  columns: [
    nameColumn,
    { name: 'PolicyName', type: 'string', description: 'The policy.', value: ({ spec }) => spec?.policyName ?? '' },
    { name: 'ParamRef', type: 'string', description: 'Objects with the parameters.', value: ({ spec }) => formatParamRef(spec?.paramRef) },
    ageColumn,
  ],
})

/** Whether the object is in a namespace cannot be told from here: `*` may be every one, or none. */
function formatParamRef({ name, namespace, selector }: ParamRef = {}): string {
  if (name) return `${namespace || '*'}/${name}`
  return selector ? formatLabelSelector(selector) : '<unset>'
}
