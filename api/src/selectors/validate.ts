/** Rules for labels and LabelSelector objects inside other objects. */
import { forbiddenField, invalidIf, invalidValue, requiredValue } from '../field-errors.ts'
import type { LabelSelector } from '../meta.ts'
import { isLabelValue, isQualifiedName } from '../names.ts'
import type { FieldError } from '../status.ts'

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, field: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => [
    ...invalidIf(field, key, isQualifiedName(key)),
    ...invalidIf(field, value, isLabelValue(value)),
  ])
}

export function validateLabelSelector(selector: LabelSelector | undefined, field: string): FieldError[] {
  const errors = validateLabels(selector?.matchLabels, `${field}.matchLabels`)
  for (const [index, { key, operator, values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const path = `${field}.matchExpressions[${index}]`
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(requiredValue(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"))
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) {
        errors.push(forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"))
      }
    } else errors.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'))
    errors.push(...invalidIf(`${path}.key`, key, isQualifiedName(key ?? '')))
    values.forEach((value, i) => {
      errors.push(...invalidIf(`${path}.values[${i}]`, value, isLabelValue(value)))
    })
  }
  return errors
}
