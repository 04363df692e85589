/** Makers of field errors, so that kinds' rules read as a list and the words are written once. */
import { isDeepStrictEqual } from 'node:util'
import type { FieldError } from './status.ts'

export function requiredValue(field: string, detail = ''): FieldError {
  return { type: 'Required', field, ...(detail && { detail }) }
}

export function invalidValue(field: string, value: unknown, detail: string): FieldError {
  return { type: 'Invalid', field, value, detail }
}

/** Invalid for how parts of `field` go together; what they are is not shown. */
export function invalidTogether(field: string, detail: string): FieldError {
  return { type: 'Invalid', field, detail, omitsValue: true }
}

export function unsupportedValue(field: string, value: unknown, supported: readonly string[]): FieldError {
  return { type: 'NotSupported', field, value, supported }
}

export function duplicateValue(field: string, value: unknown): FieldError {
  return { type: 'Duplicate', field, value }
}

export function forbiddenField(field: string, detail: string): FieldError {
  return { type: 'Forbidden', field, detail }
}

export function tooLong(field: string, bytesMax: number): FieldError {
  return { type: 'TooLong', field, detail: `may not be more than ${bytesMax} bytes` }
}

export function tooMany(field: string, count: number, countMax: number): FieldError {
  return { type: 'TooMany', field, value: count, detail: `must have at most ${countMax} items` }
}

/** One Invalid when `why` is the reason a value is wrong; nothing when it is undefined. For the checks of `names.ts`. */
export function invalidIf(field: string, value: unknown, why: string | undefined): FieldError[] {
  return why === undefined ? [] : [invalidValue(field, value, why)]
}

/** `field is immutable` when the two differ. */
export function immutable(field: string, value: unknown, old: unknown): FieldError[] {
  return isDeepStrictEqual(value, old) ? [] : [invalidValue(field, value, 'field is immutable')]
}

export function nonNegative(field: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : []
}

/** More mistakes nobody reads; an answer must not be many times what was asked. */
const ERRORS_MAX = 100

/**
 * Errors without those said before of the same field in the same way; a missing field is found by schema and rules both. At most
 * 100.
 */
export function uniqueFieldErrors(errors: readonly FieldError[]): FieldError[] {
  const seen = new Set<string>()
  const unique: FieldError[] = []
  for (const error of errors) {
    const { type, field, value, omitsValue, detail } = error
    const key = `${type} ${field} ${type === 'Required' ? '' : omitsValue ? detail : JSON.stringify(value)}`
    if (seen.has(key)) continue
    seen.add(key)
    if (unique.push(error) === ERRORS_MAX) break
  }
  return unique
}
