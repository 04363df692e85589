import { duplicateValue, requiredValue } from '../../field-errors.ts'
import type { Condition } from '../../meta.ts'
import type { FieldError } from '../../status.ts'

/** Each condition has a type, and no two the same. */
export function validateConditionTypes(conditions: readonly Condition[] = []): FieldError[] {
  const types = conditions.map(({ type }) => type)
  return types.flatMap((type, i) => [
    ...(types.indexOf(type) < i ? [duplicateValue(`status.conditions[${i}].type`, type)] : []),
    ...(type ? [] : [requiredValue(`status.conditions[${i}].type`, 'must not be empty')]),
  ])
}
