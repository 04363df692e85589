/** What policies have in common, and what their bindings have, whether they judge or change. */
import { forbiddenField, invalidIf, invalidValue, requiredValue } from '../../field-errors.ts'
import { isDnsSubdomain, isPathSegment, isServiceName } from '../../names.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { isIdentifier } from './expressions.ts'
import { FAILURE_POLICIES, MATCH_POLICIES, oneOfThese, validateMatchConditions, validateNamedRule } from './rule-rules.ts'
import type { MatchResources, MutatingAdmissionPolicySpec, ParamRef, ValidatingAdmissionPolicySpec } from './types.ts'

const NOT_FOUND_ACTIONS = ['Deny', 'Allow'] as const

/** What a policy is about; its expressions are for whoever compiles them. */
export function validateFrame(spec: ValidatingAdmissionPolicySpec | MutatingAdmissionPolicySpec): FieldError[] {
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
  return errors
}

/** Which policy a binding binds, to what. */
export function validateBound(spec: { policyName?: string; paramRef?: ParamRef; matchResources?: MatchResources }): FieldError[] {
  const { policyName, paramRef, matchResources } = spec
  const errors = policyName ? invalidIf('spec.policyName', policyName, isDnsSubdomain(policyName)) : [requiredValue('spec.policyName')]
  if (paramRef) errors.push(...validateParamRef(paramRef, 'spec.paramRef'))
  if (matchResources) errors.push(...validateMatchResources(matchResources, 'spec.matchResources'))
  return errors
}

function validateVariable({ name = '' }: { name?: string }, path: string): FieldError[] {
  if (!name.trim()) return [requiredValue(`${path}.name`, 'name is not specified')]
  return isIdentifier(name) ? [] : [invalidValue(`${path}.name`, name, 'name is not a valid CEL identifier')]
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
