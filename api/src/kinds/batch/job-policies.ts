/** Rules of what failed and succeeded pods mean for a Job, in Kubernetes' words. */
import {
  duplicateValue,
  invalidIf,
  invalidTogether,
  invalidValue,
  nonNegative,
  requiredValue,
  tooLong,
  tooMany,
  unsupportedValue,
} from '../../field-errors.ts'
import { isQualifiedName } from '../../names.ts'
import { CONDITION_STATUSES } from '../../schema/conditions.ts'
import type { FieldError } from '../../status.ts'
import { countIndexes } from './job-indexes.ts'
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from './job-types.ts'

const RULES_MAX = 20
const PATTERNS_MAX = 20
const EXIT_CODES_MAX = 255
const INDEXES_BYTES_MAX = 64 * 1024
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'] as const
const OPERATORS = ['In', 'NotIn'] as const

export function validatePodFailurePolicy(spec: JobSpec, path: string): FieldError[] {
  const rules = spec.podFailurePolicy?.rules ?? []
  const { containers = [], initContainers = [] } = spec.template?.spec ?? {}
  const names = new Set([...containers, ...initContainers].map(({ name }) => name))
  return [
    ...(rules.length > RULES_MAX ? [tooMany(`${path}.rules`, rules.length, RULES_MAX)] : []),
    ...rules.flatMap((rule, i) => validateFailureRule(rule, `${path}.rules[${i}]`, { spec, names })),
  ]
}

function validateFailureRule(
  { action, onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
  path: string,
  { spec, names }: { spec: JobSpec; names: ReadonlySet<string> },
): FieldError[] {
  const errors = validateNamed(action, ACTIONS, `${path}.action`)
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalidValue(`${path}.action`, action, 'requires the backoffLimitPerIndex to be set'))
  }
  if (onExitCodes) errors.push(...validateExitCodes(onExitCodes, `${path}.onExitCodes`, names))
  errors.push(...validatePatterns(onPodConditions, `${path}.onPodConditions`))
  const hasConditions = onPodConditions.length > 0
  if (onExitCodes && hasConditions) {
    errors.push(invalidTogether(path, 'specifying both OnExitCodes and OnPodConditions is not supported'))
  }
  if (!onExitCodes && !hasConditions) {
    errors.push(invalidTogether(path, 'specifying one of OnExitCodes and OnPodConditions is required'))
  }
  return errors
}

function validateExitCodes(
  { containerName, operator, values = [] }: PodFailurePolicyOnExitCodesRequirement,
  path: string,
  names: ReadonlySet<string>,
): FieldError[] {
  const errors = validateNamed(operator, OPERATORS, `${path}.operator`)
  if (containerName !== undefined && !names.has(containerName)) {
    const why = 'must be one of the container or initContainer names in the pod template'
    errors.push(invalidValue(`${path}.containerName`, containerName, why))
  }
  const field = `${path}.values`
  if (values.length === 0) errors.push(invalidValue(field, values, 'at least one value is required'))
  if (values.length > EXIT_CODES_MAX) errors.push(tooMany(field, values.length, EXIT_CODES_MAX))
  const seen = new Set<number>()
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0) errors.push(invalidValue(`${field}[${i}]`, value, 'must not be 0 for the In operator'))
    if (seen.has(value)) errors.push(duplicateValue(`${field}[${i}]`, value))
    seen.add(value)
  }
  if (values.some((value, i) => (values[i - 1] ?? value) > value)) errors.push(invalidValue(field, values, 'must be ordered'))
  return errors
}

function validatePatterns(patterns: readonly PodFailurePolicyOnPodConditionsPattern[], path: string): FieldError[] {
  return [
    ...(patterns.length > PATTERNS_MAX ? [tooMany(path, patterns.length, PATTERNS_MAX)] : []),
    ...patterns.flatMap(({ type = '', status }, i) => [
      ...invalidIf(`${path}[${i}].type`, type, isQualifiedName(type)),
      ...validateNamed(status, CONDITION_STATUSES, `${path}[${i}].status`),
    ]),
  ]
}

/** One of Kubernetes' named values, which must be there. */
function validateNamed(value: string | undefined, known: readonly string[], field: string): FieldError[] {
  if (!value) return [requiredValue(field, `valid values: [${known.map(name => JSON.stringify(name)).join(' ')}]`)]
  return known.includes(value) ? [] : [unsupportedValue(field, value, known)]
}

export function validateSuccessPolicy(spec: JobSpec, path: string): FieldError[] {
  const { successPolicy } = spec
  if (!successPolicy) return []
  if (spec.completionMode !== 'Indexed') return [invalidValue(path, successPolicy, 'requires indexed completion mode')]
  const { rules = [] } = successPolicy
  const field = `${path}.rules`
  const errors: FieldError[] = []
  if (rules.length === 0) errors.push(requiredValue(field, 'at least one rules must be specified when the successPolicy is specified'))
  if (rules.length > RULES_MAX) errors.push(tooMany(field, rules.length, RULES_MAX))
  return [...errors, ...rules.flatMap((rule, i) => validateSuccessRule(rule, `${field}[${i}]`, spec.completions ?? 0))]
}

function validateSuccessRule({ succeededIndexes, succeededCount }: SuccessPolicyRule, path: string, completions: number): FieldError[] {
  if (succeededIndexes === undefined && succeededCount === undefined) {
    return [requiredValue(path, 'at least one of succeededCount or succeededIndexes must be specified')]
  }
  const errors: FieldError[] = []
  let total = 0
  if (succeededIndexes !== undefined) {
    const field = `${path}.succeededIndexes`
    if (Buffer.byteLength(succeededIndexes) > INDEXES_BYTES_MAX) errors.push(tooLong(field, INDEXES_BYTES_MAX))
    const wrong = indexesError(succeededIndexes, completions)
    if (wrong) errors.push(invalidValue(field, succeededIndexes, `error parsing succeededIndexes: ${wrong}`))
    else total = countIndexes(succeededIndexes, completions)
  }
  if (succeededCount === undefined) return errors
  const field = `${path}.succeededCount`
  errors.push(...nonNegative(field, succeededCount))
  if (succeededCount > completions) {
    const why = `must be less than or equal to ${completions} (the number of specified completions)`
    errors.push(invalidValue(field, succeededCount, why))
  }
  if (succeededIndexes !== undefined && succeededCount > total) {
    const why = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`
    errors.push(invalidValue(field, succeededCount, why))
  }
  return errors
}

/** Why `text` is no set of indexes below `completions`; undefined when it is one. */
export function indexesError(text: string, completions: number): string | undefined {
  try {
    countIndexes(text, completions)
    return undefined
  } catch (err) {
    if (err instanceof RangeError) return err.message
    throw err
  }
}
