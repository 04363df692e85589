import {
  badRequest,
  type CertificateSigningRequest,
  type CertificateSigningRequestStatus,
  type Clock,
  type Convert,
  conflict,
  invalid,
  type Kind,
  type KubernetesObject,
  type ManagedFieldsEntry,
  type ObjectMeta,
  type Pod,
  type PodSpec,
  type Target,
  validateApproval,
  validatePodResize,
  withResizedContainers,
} from '@davit/api'
import type { Storage, Stored } from '../../storage/types.ts'
import type { Admission } from './admission/rule.ts'
import { type Admissions, settle } from './admission/rules.ts'
import { change, type Decision } from './change.ts'
import { decodeBody } from './decode.ts'
import { isUnchanged, recordOwners, setOwners } from './managed-fields.ts'
import { validateEphemeralContainers } from './pods/ephemeral-containers.ts'
import { keyOf, type Resources } from './resources.ts'
import type { RequestContext } from './types.ts'
import { refuse, validateChange, validateNew, validateStatusChange } from './validation.ts'
import { cloneJson, isSameJson, storedValue, writtenAs } from './written.ts'

export interface UpdateDependencies {
  storage: Storage
  resources: Resources
  admissions: Admissions
  clock: Clock
  /** How a kind looks in its versions. */
  versions: (kind: Kind) => Convert
}

/** Which part of an object a write may change; the rest stays as stored. */
export type Part = 'object' | 'status' | 'finalize' | 'ephemeralcontainers' | 'resize' | 'approval'

export interface UpdateRequest {
  kind: Kind
  target: Target
  part: Part
  /** The one it is written through, which its field manager is remembered with. */
  subresource?: string | undefined
  /** What the client wants, seen from what is stored: a decoded body, or a patch applied. */
  wanted: (current: Stored) => KubernetesObject
  /** `wanted` says in managedFields who owns what: a server-side apply. */
  isApplied?: boolean
  tries?: number
}

/** Replaces `part` of an object. A write that changes nothing is not written and gives the stored object. */
export async function update(dependencies: UpdateDependencies, context: RequestContext, request: UpdateRequest): Promise<Stored> {
  const { storage, resources } = dependencies
  const { kind, target, tries } = request
  const key = keyOf(kind, target)
  const options = {
    kind,
    key,
    resource: resources.stored(kind),
    name: target.name,
    context,
    ...(tries !== undefined && { tries }),
  }
  return change(storage, options, current => decide(dependencies, context, request, current))
}

/** A decoded body as what is wanted, whatever is stored. */
export function bodyAsWanted(kind: Kind, body: unknown, context: RequestContext): (current: Stored) => KubernetesObject {
  const decoded = decodeBody(kind, body, context)
  return () => cloneJson(decoded)
}

async function decide(
  { admissions, clock, versions }: UpdateDependencies,
  context: RequestContext,
  { kind, target, part, subresource, wanted, isApplied = false }: UpdateRequest,
  current: Stored,
): Promise<Decision<Stored>> {
  const old = current.object
  const asked = wanted(current)
  checkIdentity(kind, target, asked, current)
  if (!isApplied && subresource !== 'scale') checkConditional(kind, asked)
  const sent = asked.metadata.managedFields
  const object = PARTS[part](asked, old, kind)
  keepSystemMetadata(kind, object, old)
  if (isApplied) setOwners(object, (sent as ManagedFieldsEntry[] | undefined) ?? [])
  else recordOwners({ kind, context, clock, subresource, convert: versions(kind) }, object, old, sent)

  const admission: Admission = {
    kind,
    context,
    object,
    old,
    isPart: part !== 'object',
    ...(part !== 'object' && { part }),
    ...(subresource !== undefined && { subresource }),
  }
  await admissions.admit(admission)
  kind.applyDefaults(object)
  // A default that is newer than the stored object is no change of anybody's.
  if (part !== 'status' && kind.hasGeneration && specChanged(kind, object, old))
    object.metadata.generation = (old.metadata.generation ?? 0) + 1
  if (part === 'ephemeralcontainers') validateEphemeralContainers(kind, object as Pod, old as Pod)
  else if (part === 'resize') {
    refuse(kind, object, validatePodResize(object as Pod, old as Pod))
    validateNew(kind, object)
  } else if (part === 'approval')
    refuse(kind, object, validateApproval(object as CertificateSigningRequest, old as CertificateSigningRequest))
  else if (part === 'status') validateStatusChange(kind, object, old)
  else validateChange(kind, object, old)

  await admissions.judge(admission)
  if (mayGo(object, old)) {
    const extra = await admissions.release(kind, old, context.signal)
    return {
      operations: [{ type: 'delete', key: current.key, revision: current.revision }, ...extra.operations],
      guards: extra.guards,
      result: revision => writtenAs(current.key, storedValue(object), revision || current.revision),
      settled: outcome => settle(extra, outcome),
    }
  }

  const extra = await admissions.allocate(admission)
  const value = storedValue(object)
  if (!current.isStale && isUnchanged(value, storedValue(old))) {
    settle(extra, { committed: false, revisions: new Map() })
    return { answer: current }
  }
  return {
    operations: [{ type: 'update', key: current.key, value, revision: current.revision }, ...extra.operations],
    guards: extra.guards,
    result: revision => writtenAs(current.key, value, revision || current.revision),
    settled: outcome => settle(extra, outcome),
  }
}

/** The object must say itself which one it is: a body that went astray replaces nothing. Throws BadRequest. */
export function checkName({ name }: ObjectMeta, wanted: string): void {
  if (!name) throw badRequest(`the name of the object (${wanted} based on URL) was undeterminable: name must be provided`)
  if (name !== wanted) throw badRequest(`the name of the object (${name}) does not match the name on the URL (${wanted})`)
}

/** Name, namespace, uid and resourceVersion must be those of the stored object, where the client gives them. */
function checkIdentity(kind: Kind, target: Target, { metadata }: KubernetesObject, current: Stored): void {
  checkName(metadata, target.name)
  if (metadata.namespace && metadata.namespace !== (target.namespace ?? '')) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  const uid = current.object.metadata.uid
  if (metadata.uid && metadata.uid !== uid) {
    throw conflict(kind, target.name, `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${uid}`)
  }
  const { resourceVersion } = metadata
  if (!resourceVersion) return
  if (!/^\d+$/.test(resourceVersion)) {
    const detail = 'must be the one the server gave'
    throw invalid(kind, target.name, [{ type: 'Invalid', field: 'metadata.resourceVersion', value: resourceVersion, detail }])
  }
  if (resourceVersion !== '0' && Number(resourceVersion) !== current.revision) throw conflict(kind, target.name)
}

/** Nobody replaces an object of a user's kind without having seen it. A patch has what it was made from. Throws Invalid. */
function checkConditional(kind: Kind, object: KubernetesObject): void {
  if (!kind.custom || object.metadata.resourceVersion) return
  const detail = '0x0: must be specified for an update'
  refuse(kind, object, [{ type: 'Invalid', field: 'metadata.resourceVersion', detail, omitsValue: true }])
}

type WithParts = KubernetesObject & { spec?: unknown; status?: unknown }

/** Puts the part that is written onto the rest of what is stored. */
const PARTS: Record<Part, (asked: WithParts, old: WithParts, kind: Kind) => KubernetesObject> = {
  object: (asked, old, kind) => {
    if (!kind.subresources.includes('status')) return asked
    const { status: _, ...rest } = asked
    if (kind.keepsSpec) rest.spec = cloneJson(old.spec)
    return old.status === undefined ? rest : { ...rest, status: cloneJson(old.status) }
  },
  status: (asked, old) => {
    const { labels, annotations, finalizers, resourceVersion } = asked.metadata
    const object: WithParts = cloneJson({ ...withoutOwners(old), status: asked.status })
    if (asked.status === undefined) delete object.status
    // Without a resourceVersion nobody knows how old the rest of the body is: it is left alone.
    if (resourceVersion) object.metadata = { ...object.metadata, ...drop({ labels, annotations, finalizers }) }
    return object
  },
  approval: (asked, old, kind) => {
    const { conditions } = (asked.status ?? {}) as CertificateSigningRequestStatus
    const status: CertificateSigningRequestStatus = { ...(old.status as CertificateSigningRequestStatus | undefined) }
    if (conditions) status.conditions = conditions
    else delete status.conditions
    return PARTS.status({ ...asked, status } as WithParts, old, kind)
  },
  finalize: (asked, old) => {
    const finalizers = (asked.spec as { finalizers?: string[] } | undefined)?.finalizers ?? []
    return cloneJson({ ...withoutOwners(old), spec: { ...(old.spec as object | undefined), finalizers } }) as KubernetesObject
  },
  ephemeralcontainers: (asked, old) => {
    const ephemeralContainers = (asked.spec as { ephemeralContainers?: unknown[] } | undefined)?.ephemeralContainers ?? []
    return cloneJson({ ...withoutOwners(old), spec: { ...(old.spec as object), ephemeralContainers } }) as KubernetesObject
  },
  resize: (asked, old) => {
    const spec = withResizedContainers((old as Pod).spec, (asked.spec ?? { containers: [] }) as PodSpec)
    return cloneJson({ ...withoutOwners(old), spec }) as KubernetesObject
  },
}

/** They are put in anew: no need for a copy. */
function withoutOwners(object: WithParts): WithParts {
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

function drop<T extends object>(fields: T): { [name in keyof T]: Exclude<T[name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [name in keyof T]: Exclude<T[name], undefined>
  }
}

/** What only the server sets in metadata stays, whatever the client sends back. */
function keepSystemMetadata(kind: Kind, object: KubernetesObject, { metadata: old }: KubernetesObject): void {
  const { labels, annotations, finalizers, ownerReferences } = object.metadata
  object.metadata = {
    ...(old.name !== undefined && { name: old.name }),
    ...(old.generateName !== undefined && { generateName: old.generateName }),
    ...(kind.namespaced && old.namespace !== undefined && { namespace: old.namespace }),
    ...(old.uid !== undefined && { uid: old.uid }),
    ...(old.generation !== undefined && { generation: old.generation }),
    ...(old.creationTimestamp !== undefined && { creationTimestamp: old.creationTimestamp }),
    ...(old.deletionTimestamp !== undefined && { deletionTimestamp: old.deletionTimestamp }),
    ...(old.deletionGracePeriodSeconds !== undefined && { deletionGracePeriodSeconds: old.deletionGracePeriodSeconds }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(ownerReferences?.length && { ownerReferences }),
    ...(finalizers?.length && { finalizers }),
  }
}

/** Whether anything but metadata and status differs. A user's kind may have a status that is a field like any other. */
function specChanged(kind: Kind, object: KubernetesObject, old: KubernetesObject): boolean {
  if (kind.custom && !kind.subresources.includes('status')) {
    const { metadata: _m, ...now } = object
    const { metadata: _om, ...before } = old
    return !isSameJson(now, before)
  }
  const { metadata: _m, status: _s, ...now } = object as WithParts
  const { metadata: _om, status: _os, ...before } = old as WithParts
  return !isSameJson(now, before)
}

/** An object being deleted goes with the write that takes its last finalizer away, unless it still has grace. */
function mayGo(object: KubernetesObject, { metadata: old }: KubernetesObject): boolean {
  if (!old.deletionTimestamp || old.deletionGracePeriodSeconds) return false
  if (object.metadata.finalizers?.length) return false
  const { spec } = object as { spec?: { finalizers?: unknown[] } }
  return object.kind !== 'Namespace' || !spec?.finalizers?.length
}
