import { once } from '../../once.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { field, int64, list, object, oneOf, required, string, strings } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { FAILURE_POLICIES, MATCH_POLICIES } from './rule-rules.ts'
import { matchConditionsSchema, namedRuleSchema } from './rule-schema.ts'

/** The component `MatchResources`. */
export const matchResourcesSchema = once(() =>
  object('MatchResources', 'Which requests are meant.', {
    namespaceSelector: field(labelSelectorSchema(), 'Namespaces of the objects; all by default.'),
    objectSelector: field(labelSelectorSchema(), 'The objects, old or new; all by default.'),
    resourceRules: list(namedRuleSchema(), 'Requests that are meant; one of these must match.'),
    excludeResourceRules: list(namedRuleSchema(), 'Requests that are not meant, whatever else matches.'),
    matchPolicy: oneOf(
      MATCH_POLICIES,
      'Whether objects in other versions than the rules name are meant, too: Equivalent or Exact. Default Equivalent.',
    ),
  }),
)

/** The field `paramKind`. */
export const paramKindSchema = once(() =>
  field(
    object('ParamKind', 'A kind of objects.', {
      apiVersion: string('Group and version of the kind.'),
      kind: string('Name of the kind.'),
    }),
    'Kind of the objects that bindings give as parameters; none if absent.',
  ),
)

/** The field `paramRef`. */
export const paramRefSchema = once(() =>
  field(
    object('ParamRef', 'Objects with the parameters of a policy.', {
      name: string('Name of the object. Not together with selector.'),
      namespace: string('Namespace of the objects; that of the request if absent.'),
      selector: field(labelSelectorSchema(), 'Objects by label, each of which is applied. Not together with name.'),
      parameterNotFoundAction: oneOf(['Allow', 'Deny'], 'What happens when there is no such object: Allow or Deny.'),
    }),
    'Parameters of the policy.',
  ),
)

/** The field `variables`. */
export const variablesSchema = once(() =>
  list(
    object('Variable', 'A value with a name.', {
      name: required(string('Its name; others use it as variables.name.')),
      expression: required(string('CEL that makes the value; may use the variables before it.')),
    }),
    'Values that expressions use by name.',
    { mergeKey: 'name' },
  ),
)

export const policySpecSchema = once(() =>
  object('ValidatingAdmissionPolicySpec', 'Which requests are judged, and how.', {
    paramKind: paramKindSchema(),
    matchConstraints: field(matchResourcesSchema(), 'Which requests are judged.'),
    validations: list(
      object('Validation', 'What must be so.', {
        expression: required(string('CEL; must be true for the request to go on.')),
        message: string('What is said when it is not; one line.'),
        reason: string('Reason of the refusal: Forbidden, Invalid or RequestEntityTooLarge. Default Invalid.'),
        messageExpression: string('CEL that makes the message; goes before message.'),
      }),
      'What must be so.',
    ),
    failurePolicy: oneOf(FAILURE_POLICIES, 'What happens when the policy cannot be evaluated: Fail or Ignore. Default Fail.'),
    auditAnnotations: list(
      object('AuditAnnotation', 'A note for the audit.', {
        key: required(string('Key of the note, behind the name of the policy.')),
        valueExpression: required(string('CEL that makes the value; null means no note.')),
      }),
      'Notes for the audit, at most 20.',
    ),
    matchConditions: matchConditionsSchema(),
    variables: variablesSchema(),
  }),
)

export const policyStatusSchema = once(() =>
  object('ValidatingAdmissionPolicyStatus', 'How the policy fares.', {
    observedGeneration: int64('Generation the status speaks of.'),
    typeChecking: field(
      object('TypeChecking', 'What was found by comparing expressions with the schemas of what they judge.', {
        expressionWarnings: list(
          object('ExpressionWarning', 'What is odd about an expression.', {
            fieldRef: required(string('Path of the expression.')),
            warning: required(string('What is odd, in words for people.')),
          }),
          'What is odd.',
        ),
      }),
      'What was found by comparing expressions with schemas.',
    ),
    conditions: commonConditionListSchema('Aspects of the policy.'),
  }),
)

export const bindingSpecSchema = once(() =>
  object('ValidatingAdmissionPolicyBindingSpec', 'Which policy holds for which requests, and what it leads to.', {
    policyName: string('Name of the policy.'),
    paramRef: paramRefSchema(),
    matchResources: field(matchResourcesSchema(), 'Which of the requests that the policy judges are meant; all if absent.'),
    validationActions: strings('What a failed validation leads to: Deny, Warn, Audit. Not Deny and Warn together.', { listType: 'set' }),
  }),
)
