/** The rules that Roles and ClusterRoles consist of. */
import { invalidValue, requiredValue } from '../../field-errors.ts'
import { once } from '../../once.ts'
import { list, object, required, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import type { PolicyRule } from './types.ts'

/** The field `rules`. */
export const policyRulesSchema = once(() =>
  list(
    object('PolicyRule', 'What may be done, with which resources or paths.', {
      verbs: required(strings('Verbs such as get, list and create; `*` is all of them.')),
      apiGroups: strings('API groups of the resources; the empty one is the core group, `*` is all.'),
      resources: strings('Resources such as pods and pods/log; `*` is all.'),
      resourceNames: strings('Names of the objects; absent means all.'),
      nonResourceURLs: strings('Paths that are no resources, such as /healthz; a `*` may stand as the last step. Only in ClusterRoles.'),
    }),
    'What the role allows.',
  ),
)

/** What is wrong with the rules of a role that is in a namespace, or not. */
export function validatePolicyRules(rules: readonly PolicyRule[], isNamespaced: boolean): FieldError[] {
  return rules.flatMap((rule, i) => validatePolicyRule(rule, `rules[${i}]`, isNamespaced))
}

function validatePolicyRule(rule: PolicyRule, path: string, isNamespaced: boolean): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule
  const errors: FieldError[] = verbs.length === 0 ? [requiredValue(`${path}.verbs`, 'verbs must contain at least one value')] : []
  if (nonResourceURLs.length > 0) {
    const refuse = (why: string) => errors.push(invalidValue(`${path}.nonResourceURLs`, nonResourceURLs, why))
    if (isNamespaced) refuse('namespaced rules cannot apply to non-resource URLs')
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      refuse('rules cannot apply to both regular resources and non-resource URLs')
    }
    return errors
  }
  if (apiGroups.length === 0) errors.push(requiredValue(`${path}.apiGroups`, 'resource rules must supply at least one api group'))
  if (resources.length === 0) errors.push(requiredValue(`${path}.resources`, 'resource rules must supply at least one resource'))
  return errors
}
