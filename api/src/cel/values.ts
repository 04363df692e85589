/** Values of CEL: made of JSON, measured and compared. */
import { Optional } from '@marcbachmann/cel-js'

/** JSON as CEL has it where no schema says more: whole numbers are integers. */
export function celOf(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value
  if (Array.isArray(value)) return value.map(celOf)
  if (!isPlain(value)) return value
  const made: Record<string, unknown> = Object.create(null)
  for (const name of Object.keys(value)) if (value[name] !== undefined) made[name] = celOf(value[name])
  return made
}

/** An object each of whose fields is made when it is first looked at, once if it does not fail. */
export function lazyFields(fields: Readonly<Record<string, () => unknown>>): object {
  const made: object = Object.create(null)
  for (const [name, make] of Object.entries(fields)) {
    const get = () => {
      const value = make()
      Object.defineProperty(made, name, { value, enumerable: true })
      return value
    }
    Object.defineProperty(made, name, { get, enumerable: true, configurable: true })
  }
  return made
}

const SIZES = new WeakMap<object, number>()

/** About how long it takes to compare a value: one for each part of it and for each ten letters. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string') return 1 + value.length / 10
  if (typeof value !== 'object' || value === null) return 1
  const known = SIZES.get(value)
  if (known !== undefined) return known
  if (value instanceof Optional) return value.hasValue() ? sizeOf(value.value()) : 1
  if (value instanceof Uint8Array) return 1 + value.length / 10
  let size = 1
  if (Array.isArray(value)) for (const item of value) size += sizeOf(item)
  // What is lazy is not looked at for its size.
  else if (isPlain(value)) {
    for (const { value: inner } of Object.values(Object.getOwnPropertyDescriptors(value))) size += sizeOf(inner)
  }
  SIZES.set(value, size)
  return size
}

/** What can be compared, and says itself how. */
export interface Comparable {
  isSame(other: unknown): boolean
}

/** Whether two values are equal for CEL. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a === 'bigint' || typeof b === 'bigint') return typeof a !== 'object' && typeof b !== 'object' && isSameNumber(a, b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => isSame(item, b[i]))
  if (a instanceof Date) return b instanceof Date && a.getTime() === b.getTime()
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0
  if ('isSame' in a && typeof a.isSame === 'function') return (a as Comparable).isSame(b)
  if (!isPlain(a) || !isPlain(b)) return false
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every(name => Object.hasOwn(b, name) && isSame(a[name], b[name]))
}

function isSameNumber(a: unknown, b: unknown): boolean {
  const isNumber = (value: unknown) => typeof value === 'bigint' || typeof value === 'number'
  // biome-ignore lint/suspicious/noDoubleEquals: an integer and a fraction may be the same number
  return isNumber(a) && isNumber(b) && a == b
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
