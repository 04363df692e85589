import { type FieldError, invalid, type Kind, type KubernetesObject, type Patch, type Scale, scaleKind } from '@davit/api'
import type { Stored } from '../../storage/types.ts'
import { applyPatch } from './patch.ts'
import { numbersOf, scaleOf } from './scale-of.ts'
import { decodeSpoken } from './spoken-kinds.ts'
import type { RequestContext } from './types.ts'
import { checkName } from './update.ts'
import { cloneJson } from './written.ts'

/** An update of the Scale as what is wanted of the object. */
export function scaleAsWanted(kind: Kind, body: unknown, context: RequestContext): (current: Stored) => KubernetesObject {
  const scale = decodeSpoken(scaleKind, body, context)
  return current => withScale(kind, current, scale)
}

/** A patch of the Scale as what is wanted of the object. */
export function patchedScaleAsWanted(
  kind: Kind,
  patch: Exclude<Patch, { type: 'apply' }>,
  context: RequestContext,
): (current: Stored) => KubernetesObject {
  return current => {
    const patched = applyPatch(undefined, patch, scaleOf(kind, current.object))
    return withScale(kind, current, decodeSpoken(scaleKind, patched, context))
  }
}

function withScale(kind: Kind, current: Stored, { metadata, spec }: Scale): KubernetesObject {
  const object = cloneJson(current.object)
  const replicas = spec?.replicas ?? 0
  checkName(metadata, object.metadata.name ?? '')
  if (replicas < 0) {
    const error: FieldError = { type: 'Invalid', field: 'spec.replicas', value: replicas, detail: 'must be greater than or equal to 0' }
    throw invalid(scaleKind, object.metadata.name ?? '', [error])
  }
  const { name, namespace, uid, resourceVersion } = metadata
  // The Scale's own preconditions take the place of the object's.
  for (const [field, value] of Object.entries({ name, namespace, uid })) if (value) Object.assign(object.metadata, { [field]: value })
  if (resourceVersion) object.metadata.resourceVersion = resourceVersion
  else delete object.metadata.resourceVersion
  numbersOf(kind).setReplicas(object, replicas)
  return object
}
