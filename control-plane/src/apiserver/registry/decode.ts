import { type ApiError, badRequest, decodeObject, type Kind, type KubernetesObject } from '@davit/api'
import type { RequestContext } from './types.ts'

/** An object of `kind` from a request's body, defaults applied, owned by the caller. Throws BadRequest. */
export function decodeBody(kind: Kind, body: unknown, context: RequestContext): KubernetesObject {
  const { object, unknownFields } = decodeObject(kind, body)
  const what = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`
  reportUnknown(unknownFields, context, text => badRequest(`${what}: strict decoding error: ${text}`))
  kind.applyDefaults(object)
  return object
}

/** Ignores, warns of or refuses fields that the kind does not have, as the request asks. */
export function reportUnknown(fields: readonly string[], context: RequestContext, refuse: (text: string) => ApiError): void {
  if (fields.length === 0 || context.fieldValidation === 'Ignore') return
  const texts = fields.map(field => `unknown field "${field}"`)
  if (context.fieldValidation === 'Strict') throw refuse(texts.join(', '))
  // A patch that is tried again finds the same fields again.
  context.warnings?.push(...texts.filter(text => !context.warnings?.includes(text)))
}

/** How messages call an object that may not have a name yet. */
export function nameForMessages({ metadata }: KubernetesObject): string {
  return metadata.name || metadata.generateName || ''
}
