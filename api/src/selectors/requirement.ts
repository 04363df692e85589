/** One condition on labels, and what conditions together are. */
import { isLabelValue, isQualifiedName } from '../names.ts'
import { badRequest, type FieldError, fieldErrorBody } from '../status.ts'

export type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'

export interface Requirement {
  readonly key: string
  readonly operator: Operator
  /** Empty for `exists` and `!`; one for `=`, `==`, `!=`, `gt` and `lt`. */
  readonly values: readonly string[]
}

/** A compiled label selector; the text forms of it parse back to the same. */
export interface Selector {
  readonly requirements: readonly Requirement[]
  /** Selects everything. */
  readonly empty: boolean
  matches(labels: Readonly<Record<string, string>> | undefined): boolean
  /** Canonical text, such as `app=web,tier in (a,b),!old`. */
  toString(): string
}

const INTEGER = /^[+-]?[0-9]+$/
const TEXTS: Readonly<Record<Operator, string>> = {
  '=': '=',
  '==': '==',
  '!=': '!=',
  in: ' in ',
  notin: ' notin ',
  gt: '>',
  lt: '<',
  exists: '',
  '!': '',
}

/** Throws BadRequest in Kubernetes' words when the parts do not fit together. */
export function checkRequirement({ key, operator, values }: Requirement): void {
  const errors: FieldError[] = []
  const wrongKey = isQualifiedName(key)
  if (wrongKey) errors.push({ type: 'Invalid', field: 'key', value: key, detail: wrongKey })
  const wrongCount = checkCount(operator, values)
  if (wrongCount) errors.push({ type: 'Invalid', field: 'values', value: values, detail: wrongCount })
  if (operator === 'gt' || operator === 'lt') {
    values.forEach((value, i) => {
      if (!INTEGER.test(value)) {
        errors.push({ type: 'Invalid', field: `values[${i}]`, value, detail: "for 'Gt', 'Lt' operators, the value must be an integer" })
      }
    })
  }
  values.forEach((value, i) => {
    const wrong = isLabelValue(value)
    if (wrong) errors.push({ type: 'Invalid', field: `values[${i}][${key}]`, value, detail: wrong })
  })
  if (errors.length === 0) return
  const texts = errors.map(error => `${error.field}: ${fieldErrorBody(error)}`)
  throw badRequest(texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`)
}

function checkCount(operator: Operator, values: readonly string[]): string | undefined {
  switch (operator) {
    case 'in':
    case 'notin':
      return values.length === 0 ? "for 'in', 'notin' operators, values set can't be empty" : undefined
    case 'exists':
    case '!':
      return values.length > 0 ? 'values set must be empty for exists and does not exist' : undefined
    case 'gt':
    case 'lt':
      return values.length !== 1 ? "for 'Gt', 'Lt' operators, exactly one value is required" : undefined
    default:
      return values.length !== 1 ? 'exact-match compatibility requires one single value' : undefined
  }
}

/** The selector all of whose `requirements` must hold; sorted by key, as its text form is. */
export function selectorOf(requirements: readonly Requirement[]): Selector {
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return {
    requirements: sorted,
    empty: sorted.length === 0,
    matches: labels => sorted.every(requirement => holds(requirement, labels)),
    toString: () => sorted.map(format).join(','),
  }
}

/** Selects no object at all; what an absent LabelSelector means. */
export const NOTHING: Selector = { requirements: [], empty: false, matches: () => false, toString: () => '' }

function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>> | undefined): boolean {
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && values.includes(value)
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value)
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case 'gt':
      return value !== undefined && INTEGER.test(value) && BigInt(value) > BigInt(values[0] ?? 0)
    case 'lt':
      return value !== undefined && INTEGER.test(value) && BigInt(value) < BigInt(values[0] ?? 0)
  }
}

function format({ key, operator, values }: Requirement): string {
  if (operator === 'exists') return key
  if (operator === '!') return `!${key}`
  const text = [...new Set(values)].sort().join(',')
  return `${key}${TEXTS[operator]}${operator === 'in' || operator === 'notin' ? `(${text})` : text}`
}
