/** Which requests are meant, and under which conditions: the same for webhooks and policies. */
import { duplicateValue, invalidIf, invalidValue, requiredValue, tooMany, unsupportedValue } from '../../field-errors.ts'
import { isPathSegment, isQualifiedName } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import { conditionEnvironment, validateExpression } from './expressions.ts'
import type { MatchCondition, NamedRuleWithOperations, RuleWithOperations } from './types.ts'

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'] as const
export const SCOPES = ['*', 'Cluster', 'Namespaced'] as const
const CONDITIONS_MAX = 64
const CONDITION = { environment: conditionEnvironment, types: ['bool'] }
export const FAILURE_POLICIES = ['Fail', 'Ignore'] as const
export const MATCH_POLICIES = ['Equivalent', 'Exact'] as const

/** NotSupported for a value that is none of these; absent is right. */
export function oneOfThese(path: string, value: string | undefined, supported: readonly string[]): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [unsupportedValue(path, value, supported)]
}

export function applyRuleDefaults(rules: readonly RuleWithOperations[] = []): void {
  for (const rule of rules) rule.scope ??= '*'
}

export function validateRule(rule: RuleWithOperations, path: string): FieldError[] {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule
  const errors = validateList(`${path}.operations`, operations, 'operations')
  for (const [i, operation] of operations.entries()) errors.push(...oneOfThese(`${path}.operations[${i}]`, operation, OPERATIONS))
  errors.push(...validateList(`${path}.apiGroups`, apiGroups, 'API groups'))
  errors.push(...validateList(`${path}.apiVersions`, apiVersions, 'API versions'))
  for (const [i, version] of apiVersions.entries()) if (!version) errors.push(requiredValue(`${path}.apiVersions[${i}]`))
  return [...errors, ...validateResources(resources, `${path}.resources`), ...oneOfThese(`${path}.scope`, scope, SCOPES)]
}

export function validateNamedRule(rule: NamedRuleWithOperations, path: string): FieldError[] {
  const names = rule.resourceNames ?? []
  const errors = names.flatMap((name, i) => [
    ...invalidIf(`${path}.resourceNames[${i}]`, name, isPathSegment(name)),
    ...(names.indexOf(name) < i ? [duplicateValue(`${path}.resourceNames[${i}]`, name)] : []),
  ])
  return [...errors, ...validateRule(rule, path)]
}

/** There must be something, and `*` stands alone. */
function validateList(path: string, values: readonly string[], what: string): FieldError[] {
  if (values.length === 0) return [requiredValue(path)]
  if (values.length === 1 || !values.includes('*')) return []
  return [invalidValue(path, values, `if '*' is present, must not specify other ${what}`)]
}

/** What one entry covers no other may name. */
function validateResources(resources: readonly string[], path: string): FieldError[] {
  if (resources.length === 0) return [requiredValue(path)]
  const errors: FieldError[] = []
  const whole = new Set<string>()
  const everywhere = new Set<string>()
  for (const [i, each] of resources.entries()) {
    const at = `${path}[${i}]`
    if (!each) errors.push(requiredValue(at))
    const slash = each.indexOf('/')
    if (slash < 0) continue
    const [resource, subresource] = [each.slice(0, slash), each.slice(slash + 1)]
    if (whole.has(resource)) errors.push(invalidValue(at, each, `if '${resource}/*' is present, must not specify ${each}`))
    if (everywhere.has(subresource)) errors.push(invalidValue(at, each, `if '*/${subresource}' is present, must not specify ${each}`))
    if (subresource === '*') whole.add(resource)
    if (resource === '*') everywhere.add(subresource)
  }
  if (resources.length > 1 && resources.includes('*/*')) {
    errors.push(invalidValue(path, resources, "if '*/*' is present, must not specify other resources"))
  }
  if (resources.includes('*') && resources.some(each => each && each !== '*' && !each.includes('/'))) {
    errors.push(invalidValue(path, resources, "if '*' is present, must not specify other resources without subresources"))
  }
  return errors
}

/** With `isCompiled` somebody else looks at the expressions. */
export function validateMatchConditions(conditions: readonly MatchCondition[], path: string, isCompiled = false): FieldError[] {
  const errors = conditions.length > CONDITIONS_MAX ? [tooMany(path, conditions.length, CONDITIONS_MAX)] : []
  const names = conditions.map(({ name }) => name)
  for (const [i, { name, expression }] of conditions.entries()) {
    if (!isCompiled) errors.push(...validateExpression(`${path}[${i}].expression`, expression, CONDITION))
    if (!name) errors.push(requiredValue(`${path}[${i}].name`))
    else {
      errors.push(...invalidIf(`${path}[${i}].name`, name, isQualifiedName(name)))
      if (names.indexOf(name) < i) errors.push(duplicateValue(`${path}[${i}].name`, name))
    }
  }
  return errors
}
