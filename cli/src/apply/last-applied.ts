import { LAST_APPLIED_ANNOTATION } from '@davit/api'
import { type AnyObject, isJsonObject } from '../session/index.ts'

/** What was applied last time, from the object on the server; undefined when it was made otherwise. */
export function lastApplied(current: AnyObject): unknown {
  const text = current.metadata.annotations?.[LAST_APPLIED_ANNOTATION]
  if (!text) return undefined
  try {
    return JSON.parse(text)
  } catch (err) {
    throw new Error(
      `cannot read annotation ${LAST_APPLIED_ANNOTATION} of ${current.kind} "${current.metadata.name}": ${(err as Error).message}`,
    )
  }
}

/** A copy that carries itself in the annotation, so that the next apply knows what was applied. */
export function withLastApplied(object: AnyObject): AnyObject {
  const { [LAST_APPLIED_ANNOTATION]: _, ...annotations } = object.metadata.annotations ?? {}
  const applied = { ...object, metadata: { ...object.metadata, annotations } }
  const text = `${goJson(applied)}\n`
  return { ...applied, metadata: { ...applied.metadata, annotations: { ...annotations, [LAST_APPLIED_ANNOTATION]: text } } }
}

/** JSON as Go writes it, members sorted and HTML's characters escaped, so that kubectl and davit find each other's text equal. */
export function goJson(value: unknown): string {
  return JSON.stringify(sortMembers(value)).replace(/[<>&\u2028\u2029]/g, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function sortMembers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortMembers)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map(name => [name, sortMembers(value[name])]),
  )
}
