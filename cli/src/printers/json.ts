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

/** JSON as Go writes it, on one line: members sorted and HTML's characters escaped. */
export function goJson(value: unknown): string {
  return escapeHtml(JSON.stringify(sorted(value)))
}

/** JSON as kubectl prints it: as `goJson`, with four spaces and a newline at the end. */
export function toJson(value: unknown): string {
  return `${escapeHtml(JSON.stringify(sorted(value), undefined, 4))}\n`
}

function escapeHtml(text: string): string {
  return text.replace(/[<>&\u2028\u2029]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
