/** Values of CEL as JSON. */
import { Optional } from '@marcbachmann/cel-js'
import { put } from '../patch/json.ts'
import { literalType } from './literals.ts'

/**
 * Throws Error for what JSON does not have, and, in Kubernetes' words, where `Object.a{}` stands in a place that is not `a`. `place`:
 * the type that an object made by name has to have; any if absent.
 */
export function jsonOf(value: unknown, place: string | undefined = literalType(value)): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'object' || value === null) return value
  // The library's unsigned integers are objects.
  const primitive: unknown = value.valueOf?.()
  if (typeof primitive === 'bigint') return Number(primitive)
  if (Array.isArray(value)) return value.map(item => jsonOf(item, place))
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = value instanceof Map || prototype === null || prototype === Object.prototype
  if (!isPlain || value instanceof Optional) throw new Error('unsupported conversion to JSON')
  const type = literalType(value)
  if (type !== undefined && place !== undefined && type !== place) {
    const words = `unexpected type name ${JSON.stringify(type)}, expected ${JSON.stringify(place)}`
    throw new Error(`type mismatch: ${words}, which matches field name path from root Object type`)
  }
  // What a patch puts in is an object of its own.
  const below = place === 'JSONPatch' ? undefined : place
  const made: Record<string, unknown> = {}
  for (const [name, inner] of value instanceof Map ? value : Object.entries(value)) {
    put(made, String(name), jsonOf(inner, below === undefined ? undefined : `${below}.${name}`))
  }
  return made
}
