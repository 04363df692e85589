import { isQuantity, parseQuantity } from '@davit/api'
import { valuesAtPath } from '../printers/index.ts'

/** Sorted by the value at a JSONPath; those without one come first. Throws when no object has it. */
export function sortByPath<T>(items: readonly T[], path: string, objectOf: (item: T) => unknown): T[] {
  const keyed = items.map(item => ({ item, value: valuesAtPath(path, objectOf(item))[0] }))
  if (items.length > 0 && keyed.every(({ value }) => value === undefined)) {
    const shown = path.startsWith('{') ? path : `{${path.startsWith('.') ? path : `.${path}`}}`
    throw new Error(`couldn't find any field with path "${shown}" in the list of objects`)
  }
  return keyed.sort((one, other) => compare(one.value, other.value)).map(({ item }) => item)
}

function compare(one: unknown, other: unknown): number {
  if (one === undefined || other === undefined) return Number(one !== undefined) - Number(other !== undefined)
  if (typeof one === 'number' && typeof other === 'number') return one - other
  if (typeof one === 'string' && typeof other === 'string') {
    if (isQuantity(one) && isQuantity(other)) return parseQuantity(one) - parseQuantity(other)
  }
  return compareTexts(String(one), String(other))
}

function compareTexts(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1
}
