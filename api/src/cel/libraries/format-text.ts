import { spend } from '../budget.ts'
import { sizeOf } from '../values.ts'

const CLAUSE = /%(?:%|(?:\.(\d+))?([sdfebxXo]))/g
const PRECISION_MAX = 100

/** `text.format(values)`. Throws Error when a value does not fit its place, and CostError. */
export function formatText(text: string, values: readonly unknown[]): string {
  // What is in a list twice is written twice: short expressions make lists of lists that no memory would hold as text.
  spend(sizeOf(values))
  let next = 0
  return text.replace(CLAUSE, (clause, digits: string | undefined, verb: string | undefined) => {
    if (verb === undefined) return '%'
    if (next >= values.length) throw new Error(`index ${next} out of range`)
    const precision = Math.min(Number(digits ?? 6), PRECISION_MAX)
    return formatted(verb, values[next++], precision) ?? fail(clause)
  })
}

function fail(clause: string): never {
  throw new Error(`error during formatting: value does not fit ${clause}`)
}

function formatted(verb: string, value: unknown, precision: number): string | undefined {
  const isNumber = typeof value === 'bigint' || typeof value === 'number'
  const hex = () => (typeof value === 'string' || value instanceof Uint8Array ? Buffer.from(value).toString('hex') : inBase(value, 16))
  switch (verb) {
    case 's':
      return textOf(value)
    case 'd':
      return isNumber ? String(value) : undefined
    case 'f':
      return isNumber ? Number(value).toFixed(precision) : undefined
    case 'e':
      return isNumber
        ? Number(value)
            .toExponential(precision)
            .replace(/e([+-])(\d)$/, 'e$10$2')
        : undefined
    case 'b':
      return typeof value === 'boolean' ? String(Number(value)) : inBase(value, 2)
    case 'o':
      return inBase(value, 8)
    case 'x':
      return hex()
    default:
      return hex()?.toUpperCase()
  }
}

function inBase(value: unknown, base: number): string | undefined {
  return typeof value === 'bigint' ? value.toString(base) : undefined
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value !== 'object') return String(value)
  if (value instanceof Date) return timeText(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString()
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([name, inner]) => `${name}: ${textOf(inner)}`).join(', ')}}`
}

/** As Kubernetes writes times. */
export function timeText(value: Date): string {
  return value.toISOString().replace(/\.?0*Z$/, 'Z')
}
