/** Amounts that are a number or a percentage, such as `maxUnavailable`, in Kubernetes' words. */
import { invalidValue, nonNegative } from '../field-errors.ts'
import type { IntOrString } from '../meta.ts'
import type { FieldError } from '../status.ts'

const PERCENT = /^[0-9]+%$/
const PERCENT_WORDS =
  "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"

/** A number that is not negative, or a percentage of any size. */
export function validateIntOrPercent(field: string, amount: IntOrString): FieldError[] {
  if (typeof amount === 'number') return nonNegative(field, amount)
  return PERCENT.test(amount) ? [] : [invalidValue(field, amount, PERCENT_WORDS)]
}

export function validateAtMostAll(field: string, amount: IntOrString): FieldError[] {
  return (percentOf(amount) ?? 0) > 100 ? [invalidValue(field, amount, 'must not be greater than 100%')] : []
}

/** Whether it is 0 or `0%`. What is no amount is not. */
export function isZeroAmount(amount: IntOrString): boolean {
  return amount === 0 || percentOf(amount) === 0
}

function percentOf(amount: IntOrString): number | undefined {
  return typeof amount === 'string' && PERCENT.test(amount) ? Number.parseInt(amount, 10) : undefined
}
