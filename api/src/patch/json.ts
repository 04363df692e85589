import { badRequest } from '../status.ts'

export type JsonObject = Record<string, unknown>

/** Deeper than anything real; a patch from outside must not be able to use up the stack. */
const DEPTH_MAX = 500

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The object's own value of `key`; never something inherited. */
export function own(object: JsonObject, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** Sets an own property whatever its name: plain assignment to `__proto__` would do something else. */
export function put(object: JsonObject, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  else object[key] = value
}

/** Throws BadRequest when `value` is nested too deep to be worked on recursively. */
export function checkDepth(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return
  if (depth > DEPTH_MAX) throw badRequest(`the patch is nested deeper than ${DEPTH_MAX} levels`)
  for (const inner of Object.values(value)) checkDepth(inner, depth + 1)
}

/** `value` without the members that are null, at any depth of objects; lists are taken as they are. */
export function withoutNulls(value: unknown): unknown {
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  )
}
