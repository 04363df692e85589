import { decodeObject, type Kind, type KubernetesObject } from '@davit/api'
import { reportUnknown, strictly } from './decode.ts'
import type { RequestContext } from './types.ts'

/** An object of a kind that is spoken and never stored, from a request's body. Throws BadRequest. */
export function decodeSpoken<T extends KubernetesObject>(kind: Kind<T>, body: unknown, context: RequestContext): T {
  const { object, unknownFields } = decodeObject(kind, body)
  reportUnknown(unknownFields, context, strictly(kind))
  return object
}
