import {
  ApiError,
  apiError,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicPatch,
  badRequest,
  invalid,
  type Kind,
  type KubernetesObject,
  type Patch,
} from '@davit/api'
import type { Stored } from '../../storage/types.ts'
import { decodeBody } from './decode.ts'
import type { RequestContext } from './types.ts'

/** How often a patch that names no resourceVersion is applied anew when the object changes under it. */
export const PATCH_TRIES = 6

/** What a patch makes of the stored object; throws when it cannot be applied. */
export function patchAsWanted(
  kind: Kind,
  patch: Exclude<Patch, { type: 'apply' }>,
  context: RequestContext,
): (current: Stored) => KubernetesObject {
  return current => {
    const patched = applyPatch(kind, patch, current.object)
    const strict = context.fieldValidation === 'Strict'
    try {
      return decodeBody(kind, patched, context)
    } catch (error) {
      // Kubernetes reports unknown fields of a patch as a fault of the patch, not of the object.
      if (!strict || !(error instanceof ApiError) || !error.message.includes('strict decoding error')) throw error
      const detail = error.message.slice(error.message.indexOf('strict decoding error'))
      throw invalid({ group: '', kind: '' }, '', [{ type: 'Invalid', field: 'patch', value: JSON.stringify(patch.body), detail }])
    }
  }
}

/** Applies `patch` to a copy of `object`. Throws BadRequest, or Invalid for a JSON patch that does not fit. */
export function applyPatch(kind: Kind | undefined, patch: Exclude<Patch, { type: 'apply' }>, object: object): unknown {
  try {
    if (patch.type === 'json') return applyJsonPatch(object, patch.body)
    if (typeof patch.body !== 'object' || patch.body === null || Array.isArray(patch.body)) throw badRequest('the patch must be an object')
    if (patch.type === 'merge' || !kind) return applyMergePatch(object, patch.body)
    return applyStrategicPatch(kind, object, patch.body)
  } catch (error) {
    if (error instanceof ApiError) throw error
    const why = error instanceof Error ? error.message : String(error)
    if (patch.type === 'json') throw apiError('Invalid', `the server rejected our request due to an error in our request: ${why}`)
    throw badRequest(why)
  }
}
