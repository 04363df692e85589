import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { isDnsSubdomain, isPathSegment, isQualifiedName, isServiceName } from '../../names.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { ANNOTATION_BYTES_MAX, compilePolicy } from './compiled-policy.ts'
import { isIdentifier } from './expressions.ts'
import {
  applyRuleDefaults,
  FAILURE_POLICIES,
  MATCH_POLICIES,
  oneOfThese,
  validateMatchConditions,
  validateNamedRule,
} from './rule-rules.ts'
import type {
  MatchResources,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicySpec,
  Validation,
} from './types.ts'

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'] as const
const ACTIONS = ['Audit', 'Deny', 'Warn'] as const
const NOT_FOUND_ACTIONS = ['Deny', 'Allow'] as const
const ANNOTATIONS_MAX = 20
export function applyPolicyDefaults(policy: ValidatingAdmissionPolicy): void {
  policy.spec ??= {}
  policy.status ??= {}
  policy.spec.failurePolicy ??= 'Fail'
  applyMatchDefaults(policy.spec.matchConstraints)
}

export function applyBindingDefaults(binding: ValidatingAdmissionPolicyBinding): void {
  binding.spec ??= {}
  applyMatchDefaults(binding.spec.matchResources)
}

function applyMatchDefaults(resources: MatchResources | undefined): void {
  if (!resources) return
  resources.matchPolicy ??= 'Equivalent'
  resources.namespaceSelector ??= {}
  resources.objectSelector ??= {}
  applyRuleDefaults(resources.resourceRules)
  applyRuleDefaults(resources.excludeResourceRules)
}

export function validatePolicy({ metadata: { name = '' }, spec = {} }: ValidatingAdmissionPolicy): FieldError[] {
  const { paramKind, matchConstraints, matchConditions = [], variables = [], failurePolicy } = spec
  const errors = oneOfThese('spec.failurePolicy', failurePolicy, FAILURE_POLICIES)
  if (paramKind) errors.push(...validateParamKind(paramKind, 'spec.paramKind'))
  const path = 'spec.matchConstraints'
  if (matchConstraints) {
    errors.push(...validateMatchResources(matchConstraints, path))
    if (!matchConstraints.resourceRules?.length) errors.push(requiredValue(`${path}.resourceRules`))
  } else errors.push(requiredValue(path))
  errors.push(...validateMatchConditions(matchConditions, 'spec.matchConditions', true))
  for (const [i, variable] of variables.entries()) errors.push(...validateVariable(variable, `spec.variables[${i}]`))
  return [...errors, ...validateChecks(spec, name), ...compilePolicy(spec).errors]
}

/** What is judged, and what is noted for the audit; at least one. */
function validateChecks(
  { validations = [], auditAnnotations: annotations = [] }: ValidatingAdmissionPolicySpec,
  policy: string,
): FieldError[] {
  if (validations.length === 0 && annotations.length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item'
    return [requiredValue('spec.validations', why), requiredValue('spec.auditAnnotations', why)]
  }
  const errors = validations.flatMap((validation, i) => validateValidation(validation, `spec.validations[${i}]`))
  const path = 'spec.auditAnnotations'
  if (annotations.length > ANNOTATIONS_MAX) {
    errors.push(invalidValue(path, annotations, `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`))
  }
  const keys = annotations.map(({ key = '' }) => key)
  for (const [i, { key = '', valueExpression = '' }] of annotations.entries()) {
    errors.push(...invalidIf(`${path}[${i}].key`, `${policy}/${key}`, isQualifiedName(`${policy}/${key}`)))
    if (Buffer.byteLength(valueExpression.trim()) > ANNOTATION_BYTES_MAX) {
      errors.push(requiredValue(`${path}[${i}].valueExpression`, `must not exceed ${ANNOTATION_BYTES_MAX} bytes in length`))
    }
    if (keys.indexOf(key) < i) errors.push(duplicateValue(`${path}[${i}].key`, key))
  }
  return errors
}

function validateVariable({ name = '' }: { name?: string }, path: string): FieldError[] {
  if (!name.trim()) return [requiredValue(`${path}.name`, 'name is not specified')]
  return isIdentifier(name) ? [] : [invalidValue(`${path}.name`, name, 'name is not a valid CEL identifier')]
}

function validateValidation({ message = '', messageExpression = '', reason }: Validation, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (messageExpression && !messageExpression.trim()) {
    errors.push(invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  }
  if (message && !message.trim()) errors.push(invalidValue(`${path}.message`, message, 'message must be non-empty if specified'))
  else if (/[\n\r]/.test(message.trim())) errors.push(invalidValue(`${path}.message`, message, 'message must not contain line breaks'))
  return [...errors, ...oneOfThese(`${path}.reason`, reason, REASONS)]
}

function validateParamKind({ apiVersion = '', kind = '' }: { apiVersion?: string; kind?: string }, path: string): FieldError[] {
  const errors = apiVersion ? validateApiVersion(apiVersion, `${path}.apiVersion`) : [requiredValue(`${path}.apiVersion`)]
  if (!kind) return [...errors, requiredValue(`${path}.kind`)]
  const why = isServiceName(kind.toLowerCase())
  return why === undefined
    ? errors
    : [...errors, invalidValue(`${path}.kind`, kind, `may have mixed case, but should otherwise match: ${why}`)]
}

function validateApiVersion(apiVersion: string, path: string): FieldError[] {
  const parts = apiVersion.split('/')
  if (parts.length > 2) return [invalidValue(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)]
  const [version = '', group = ''] = parts.toReversed()
  const errors = group ? invalidIf(path, group, isDnsSubdomain(group)) : []
  if (!version) return [...errors, invalidValue(path, apiVersion, 'version must be specified')]
  return [...errors, ...invalidIf(path, version, isServiceName(version))]
}

function validateMatchResources(resources: MatchResources, path: string): FieldError[] {
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = resources
  return [
    ...oneOfThese(`${path}.matchPolicy`, matchPolicy, MATCH_POLICIES),
    ...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
    ...validateLabelSelector(objectSelector, `${path}.objectSelector`),
    ...resourceRules.flatMap((rule, i) => validateNamedRule(rule, `${path}.resourceRules[${i}]`)),
    ...excludeResourceRules.flatMap((rule, i) => validateNamedRule(rule, `${path}.excludeResourceRules[${i}]`)),
  ]
}

export function validatePolicyStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  return (status?.typeChecking?.expressionWarnings ?? []).flatMap(({ fieldRef, warning }, i) => {
    const path = `status.typeChecking.expressionWarnings[${i}]`
    return [...(warning ? [] : [requiredValue(`${path}.warning`)]), ...(fieldRef?.trim() ? [] : [requiredValue(`${path}.fieldRef`)])]
  })
}

export function validateBinding({ spec = {} }: ValidatingAdmissionPolicyBinding): FieldError[] {
  const { policyName, paramRef, matchResources, validationActions = [] } = spec
  const errors = policyName ? invalidIf('spec.policyName', policyName, isDnsSubdomain(policyName)) : [requiredValue('spec.policyName')]
  if (paramRef) errors.push(...validateParamRef(paramRef, 'spec.paramRef'))
  if (matchResources) errors.push(...validateMatchResources(matchResources, 'spec.matchResources'))
  return [...errors, ...validateActions(validationActions, 'spec.validationActions')]
}

function validateParamRef({ name, selector, parameterNotFoundAction: action }: ParamRef, path: string): FieldError[] {
  const errors = name ? invalidIf(`${path}.name`, name, isPathSegment(name)) : []
  const exclusive = 'name and selector are mutually exclusive'
  if (name && selector) errors.push(forbiddenField(`${path}.name`, exclusive))
  errors.push(...validateLabelSelector(selector, `${path}.selector`))
  if (name && selector) errors.push(forbiddenField(`${path}.selector`, exclusive))
  if (!name && !selector) errors.push(requiredValue(path, 'one of name or selector must be specified'))
  if (!action) errors.push(requiredValue(`${path}.parameterNotFoundAction`))
  return [...errors, ...oneOfThese(`${path}.parameterNotFoundAction`, action || undefined, NOT_FOUND_ACTIONS)]
}

function validateActions(actions: readonly string[], path: string): FieldError[] {
  const errors = actions.flatMap((action, i) => [
    ...((ACTIONS as readonly string[]).includes(action) ? [] : [unsupportedValue(`${path}[${i}]`, action, ACTIONS)]),
    ...(actions.indexOf(action) < i ? [duplicateValue(`${path}[${i}]`, action)] : []),
  ])
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'
    errors.push(invalidValue(path, actions, why))
  }
  return actions.length > 0 ? errors : [...errors, requiredValue(path, 'at least one validation action is required')]
}
