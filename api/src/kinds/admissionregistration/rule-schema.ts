import type { z } from 'zod'
import { once } from '../../once.ts'
import { list, object, oneOf, required, string, strings } from '../../schema/fields.ts'
import { SCOPES } from './rule-rules.ts'

const ruleFields = once(
  (): z.ZodRawShape => ({
    operations: strings('CREATE, UPDATE, DELETE, CONNECT, or `*` for all.'),
    apiGroups: strings('API groups; the empty one is the core group, `*` is all.'),
    apiVersions: strings('API versions; `*` is all.'),
    resources: strings('Resources such as pods and pods/log; `*` is all without subresources, `*/*` all.'),
    scope: oneOf(SCOPES, 'Cluster, Namespaced, or `*` for both. Default `*`.'),
  }),
)

/** The component `RuleWithOperations`. */
export const ruleSchema = once(() => object('RuleWithOperations', 'Requests, by what they do and with what.', ruleFields()))

/** The component `NamedRuleWithOperations`. */
export const namedRuleSchema = once(() =>
  object('NamedRuleWithOperations', 'Requests, by what they do and with what.', {
    resourceNames: strings('Names of the objects; all if absent.'),
    ...ruleFields(),
  }),
)

/** The field `matchConditions`. */
export const matchConditionsSchema = once(() =>
  list(
    object('MatchCondition', 'A condition on requests.', {
      name: required(string('Name of the condition.')),
      expression: required(string('CEL; gives a boolean. May use object, oldObject, request, authorizer and, in policies, params.')),
    }),
    'Conditions that must all hold, at most 64.',
    { mergeKey: 'name' },
  ),
)
