import { randomUUID } from 'node:crypto'
import {
  alreadyExists,
  apiError,
  badRequest,
  type Clock,
  type Convert,
  formatTime,
  generateName,
  type Kind,
  type KubernetesObject,
  type ManagedFieldsEntry,
} from '@davit/api'
import type { CommitResult, Guard, Storage, Stored } from '../../storage/types.ts'
import { type Admissions, settle } from './admission/rules.ts'
import { decodeBody, nameForMessages } from './decode.ts'
import { guardDefinition } from './definition-guard.ts'
import { recordOwners, setOwners } from './managed-fields.ts'
import type { NamespaceGuard } from './namespace-guard.ts'
import { keyOf, type Resources, targetOf } from './resources.ts'
import type { RequestContext } from './types.ts'
import { validateNew } from './validation.ts'
import { cloneJson, storedValue, writtenAs } from './written.ts'

export interface CreateDependencies {
  storage: Storage
  resources: Resources
  clock: Clock
  admissions: Admissions
  namespaces: NamespaceGuard
  versions: (kind: Kind) => Convert
}

export interface CreateRequest {
  /** The request's own. */
  namespace: string | undefined
  body: unknown
  /** Who owns what, where an apply has settled that. */
  owners?: readonly ManagedFieldsEntry[]
}

const GENERATED_NAME_TRIES = 8
/** How often to go again when an allocation or the namespace changed under the commit. */
const TRIES_MAX = 40

/** Creates what the request's body says. */
export async function create(
  { storage, resources, clock, admissions, namespaces, versions }: CreateDependencies,
  context: RequestContext,
  kind: Kind,
  request: CreateRequest,
): Promise<Stored> {
  const wanted = decodeBody(kind, request.body, context)
  placeInNamespace(kind, wanted, request.namespace)
  if (wanted.metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  const base = wanted.metadata.name ? undefined : wanted.metadata.generateName

  let fresh = false
  let nameTries = 0
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const object = begin(kind, wanted, clock)
    // Where a later write puts it too: who compares what is shown by its text must see no change.
    if (base) object.metadata = { name: generateName(base), ...object.metadata }
    if (request.owners) setOwners(object, request.owners)
    else
      recordOwners(
        { kind, context, clock, subresource: undefined, convert: versions(kind) },
        object,
        undefined,
        wanted.metadata.managedFields,
      )
    // Before admission, which looks into the namespace.
    const guards: Guard[] = kind.namespaced ? [await namespaces.check(kind, object, { fresh, signal: context.signal })] : []
    guards.push(...(await guardDefinition({ storage, resources }, kind, { fresh, signal: context.signal })))
    await admissions.admit({ kind, context, object })
    kind.applyDefaults(object)
    validateNew(kind, object)
    const key = keyOf(kind, targetOf(object))
    await admissions.judge({ kind, context, object })
    const extra = await admissions.allocate({ kind, context, object })

    const value = storedValue(object)
    let outcome: CommitResult | undefined
    try {
      outcome = context.dryRun
        ? await pretend(storage, key)
        : await storage.commit([{ type: 'create', key, value }, ...extra.operations], [...guards, ...extra.guards], {
            ...(context.signal && { signal: context.signal }),
            confirm: context.confirm,
          })
    } finally {
      settle(extra, context.dryRun ? { committed: false, revisions: new Map() } : outcome)
    }
    if (outcome.committed) return writtenAs(key, value, outcome.revision)

    if ((outcome.revisions.get(key) ?? 0) > 0 && (!base || ++nameTries >= GENERATED_NAME_TRIES)) {
      throw alreadyExists(kind, object.metadata.name ?? '')
    }
    fresh = true
  }
  throw apiError('ServerTimeout', `Cannot create ${kind.singular} "${nameForMessages(wanted)}": what it needs keeps changing; try again`)
}

/** What a commit of `key` would answer, without one. */
async function pretend(storage: Storage, key: string): Promise<CommitResult> {
  const existing = await storage.read(key)
  return existing ? { committed: false, revisions: new Map([[key, existing.revision]]) } : { committed: true, revision: 0 }
}

function placeInNamespace(kind: Kind, { metadata }: KubernetesObject, namespace: string | undefined): void {
  if (!kind.namespaced) {
    delete metadata.namespace
    return
  }
  if (!namespace) throw badRequest('an empty namespace may not be set during creation')
  if (metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
  metadata.namespace = namespace
}

/** A copy with what the server alone decides. */
function begin(kind: Kind, wanted: KubernetesObject, clock: Clock): KubernetesObject {
  const object = cloneJson(wanted)
  const { name, generateName: base, namespace, labels, annotations, finalizers, ownerReferences } = object.metadata
  object.metadata = {
    ...(name && { name }),
    ...(base && { generateName: base }),
    ...(namespace && { namespace }),
    uid: randomUUID(),
    ...(kind.hasGeneration && { generation: 1 }),
    creationTimestamp: formatTime(clock.now()),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
    ...(ownerReferences?.length && { ownerReferences }),
    ...(finalizers?.length && { finalizers }),
  }
  if (kind.subresources.includes('status')) clearStatus(kind, object)
  return object
}

/** Status is the system's to write; kinds whose schema has one get it empty, as Kubernetes shows it. */
function clearStatus(kind: Kind, object: KubernetesObject): void {
  const fields = object as KubernetesObject & { status?: unknown }
  if ('status' in kind.schema().shape) fields.status = {}
  else delete fields.status
}
