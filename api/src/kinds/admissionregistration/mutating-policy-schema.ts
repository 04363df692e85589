import { once } from '../../once.ts'
import { field, list, object, oneOf, required, string } from '../../schema/fields.ts'
import { matchResourcesSchema, paramKindSchema, paramRefSchema, variablesSchema } from './policy-schema.ts'
import { FAILURE_POLICIES } from './rule-rules.ts'
import { matchConditionsSchema } from './rule-schema.ts'
import { REINVOCATIONS } from './webhooks.ts'

export const mutatingPolicySpecSchema = once(() =>
  object('MutatingAdmissionPolicySpec', 'Which requests are changed, and how.', {
    paramKind: paramKindSchema(),
    matchConstraints: field(matchResourcesSchema(), 'Which requests are changed.'),
    variables: variablesSchema(),
    mutations: list(
      object('Mutation', 'One change.', {
        patchType: required(string('Which of the two it is: ApplyConfiguration or JSONPatch.')),
        applyConfiguration: field(
          object('ApplyConfiguration', 'What the object is to say, merged into it as by server-side apply.', {
            expression: string('CEL that makes it, such as Object{spec: Object.spec{replicas: 1}}.'),
          }),
          'What the object is to say.',
        ),
        jsonPatch: field(
          object('JSONPatch', 'A JSON patch for the object.', {
            expression: string('CEL that makes its operations, such as [JSONPatch{op: "remove", path: "/spec/replicas"}].'),
          }),
          'A JSON patch for the object.',
        ),
      }),
      'The changes, one after another.',
    ),
    failurePolicy: oneOf(FAILURE_POLICIES, 'What happens when the policy cannot be evaluated: Fail or Ignore. Default Fail.'),
    matchConditions: matchConditionsSchema(),
    reinvocationPolicy: oneOf(REINVOCATIONS, 'Whether it is asked again when others have changed the object since: IfNeeded or Never.'),
  }),
)

export const mutatingBindingSpecSchema = once(() =>
  object('MutatingAdmissionPolicyBindingSpec', 'Which policy holds for which requests.', {
    policyName: string('Name of the policy.'),
    paramRef: paramRefSchema(),
    matchResources: field(matchResourcesSchema(), 'Which of the requests that the policy is about are meant; all if absent.'),
  }),
)
