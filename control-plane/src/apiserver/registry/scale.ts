import { apiError, badRequest, type FieldError, invalid, type Kind, type KubernetesObject, type Patch } from '@davit/api'
import type { Stored } from '../../storage/types.ts'
import { applyPatch } from './patch.ts'

/** autoscaling/v1. */
export interface Scale extends KubernetesObject {
  apiVersion: 'autoscaling/v1'
  kind: 'Scale'
  spec: { replicas?: number }
  status: { replicas: number; selector?: string }
}

/** What every workload with replicas looks like to a scaler. Throws NotFound for kinds without `scale`. */
export function scaleOf(kind: Kind, object: KubernetesObject): Scale {
  const { replicas, statusReplicas, selector } = numbersOf(kind)
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    spec: { replicas: replicas(object) },
    status: { replicas: statusReplicas(object), selector: selector(object) },
  }
}

/** An update of the Scale as what is wanted of the object. */
export function scaleAsWanted(kind: Kind, body: unknown): (current: Stored) => KubernetesObject {
  return current => withScale(kind, current, body)
}

/** A patch of the Scale as what is wanted of the object. */
export function patchedScaleAsWanted(kind: Kind, patch: Patch): (current: Stored) => KubernetesObject {
  return current => withScale(kind, current, applyPatch(undefined, patch, scaleOf(kind, current.object)))
}

function withScale(kind: Kind, current: Stored, body: unknown): KubernetesObject {
  const { metadata, replicas } = readScale(kind, body, current.object.metadata.name ?? '')
  const object = structuredClone(current.object)
  const { name, namespace, uid, resourceVersion } = metadata
  // The Scale's own preconditions take the place of the object's.
  for (const [field, value] of Object.entries({ name, namespace, uid })) if (value) Object.assign(object.metadata, { [field]: value })
  if (resourceVersion) object.metadata.resourceVersion = resourceVersion
  else delete object.metadata.resourceVersion
  numbersOf(kind).setReplicas(object, replicas)
  return object
}

function readScale(kind: Kind, body: unknown, name: string): { metadata: KubernetesObject['metadata']; replicas: number } {
  if (typeof body !== 'object' || body === null) throw badRequest('the object provided is unrecognized (must be of type Scale)')
  const { kind: type, metadata, spec } = body as { kind?: unknown; metadata?: unknown; spec?: unknown }
  if (type !== undefined && type !== '' && type !== 'Scale')
    throw badRequest(`the object provided is unrecognized (must be of type Scale): ${kind.kind}`)
  const replicas = (spec as { replicas?: unknown } | undefined)?.replicas ?? 0
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw badRequest(`Scale in version "v1" cannot be handled as a Scale: spec.replicas: ${JSON.stringify(replicas)} is not a whole number`)
  }
  if (replicas < 0) {
    const error: FieldError = { type: 'Invalid', field: 'spec.replicas', value: replicas, detail: 'must be greater than or equal to 0' }
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [error])
  }
  return { metadata: typeof metadata === 'object' && metadata !== null ? metadata : {}, replicas }
}

function numbersOf(kind: Kind): NonNullable<Kind['scale']> {
  if (!kind.scale) throw apiError('NotFound', 'the server could not find the requested resource')
  return kind.scale
}
