import { type ApiError, badRequest, decodeObject, type Kind, type KubernetesObject } from '@davit/api'
import type { RequestContext } from './types.ts'

/** An object of `kind` from a request's body, defaults applied, owned by the caller. Throws BadRequest. */
export function decodeBody(kind: Kind, body: unknown, context: RequestContext): KubernetesObject {
  const { object, unknownFields } = decodeObject(kind, body)
  reportUnknown(unknownFields, context, strictly(kind))
  kind.applyDefaults(object)
  return object
}

/** What a strict reading of an object of `kind` is refused with. */
export function strictly(kind: Pick<Kind, 'kind' | 'version'>): (text: string) => ApiError {
  const what = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`
  return text => badRequest(`${what}: strict decoding error: ${text}`)
}

/** Ignores, warns of or refuses fields that the kind does not have, or that were given twice, as the request asks. */
export function reportUnknown(fields: readonly string[], context: RequestContext, refuse: (text: string) => ApiError): void {
  const { duplicateFields = [], fieldValidation, warnings } = context
  if (fieldValidation === 'Ignore' || fields.length + duplicateFields.length === 0) return
  const texts = [...duplicateFields.map(field => `duplicate field "${field}"`), ...fields.map(field => `unknown field "${field}"`)]
  if (fieldValidation === 'Strict') throw refuse(texts.join(', '))
  // A patch that is tried again finds the same fields again.
  warnings?.push(...texts.filter(text => !warnings.includes(text)))
}

/** How messages call an object that may not have a name yet. */
export function nameForMessages({ metadata }: KubernetesObject): string {
  return metadata.name || metadata.generateName || ''
}
