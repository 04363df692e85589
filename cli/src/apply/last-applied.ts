import { LAST_APPLIED_ANNOTATION } from '@davit/api'
import { goJson } from '../printers/index.ts'
import type { AnyObject } from '../session/index.ts'

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
