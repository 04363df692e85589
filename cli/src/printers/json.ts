import { isJsonObject } from '../session/index.ts'

/** A copy whose members come in order, as Go writes maps. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .filter(name => value[name] !== undefined)
      .sort()
      .map(name => [name, sorted(value[name])]),
  )
}

/** JSON as kubectl prints it: members in order, four spaces, and a newline at the end. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(sorted(value), undefined, 4)}\n`
}
