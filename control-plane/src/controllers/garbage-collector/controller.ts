import { isReason, type Kind, type KubernetesObject, key as keyOf, type OwnerReference, runController, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { Graph } from './graph.ts'
import { type Action, FOREGROUND, isDeletingForeground, type Observed, ORPHAN, planCollection } from './plan.ts'

/** Deletes what nobody owns any more, and carries out foreground and orphan deletion. Settles when the context's signal aborts. */
export async function runGarbageCollector(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const queue = new WorkQueue({ clock })
  const add = (object: KubernetesObject) => queue.add(`${object.apiVersion}/${object.kind}|${keyOf(object)}`)
  const graph = new Graph(context, ({ type, object, old = object }) => {
    // Owners may have waited for it to go, or to let them go.
    for (const reference of old.metadata.ownerReferences ?? []) {
      const owner = ownerOf(reference, object, graph)
      if (owner?.metadata.deletionTimestamp !== undefined) add(owner)
    }
    if (type === 'deleted' || isDeletingForeground(object)) for (const dependent of dependentsOf(object, graph)) add(dependent)
    if (type === 'deleted') return
    const { ownerReferences = [], finalizers = [] } = object.metadata
    if (ownerReferences.length > 0 || finalizers.includes(FOREGROUND) || finalizers.includes(ORPHAN)) add(object)
  })
  await graph.start()
  await runController(queue, key => reconcile(key, { ...context, graph }), { log, signal, workers: 8 })
}

type Context = ControllerContext & { readonly graph: Graph }

function dependentsOf(object: KubernetesObject, graph: Graph): KubernetesObject[] {
  return graph.kinds().flatMap(kind => [...graph.informer(kind).cache.byIndex('dependents', object.metadata.uid ?? '')])
}

function ownerOf(reference: OwnerReference, dependent: KubernetesObject, graph: Graph): KubernetesObject | undefined {
  const kind = graph.find(reference)
  if (!kind) return undefined
  const found = graph.informer(kind).cache.get(ownerKey(kind, reference, dependent))
  return found?.metadata.uid === reference.uid ? found : undefined
}

const ownerKey = (kind: Kind, { name }: OwnerReference, { metadata }: KubernetesObject) =>
  kind.namespaced ? `${metadata.namespace}/${name}` : name

async function reconcile(key: string, context: Context) {
  const { graph } = context
  const [type = '', objectKey = ''] = key.split('|')
  const split = type.lastIndexOf('/')
  const kind = graph.find({ apiVersion: type.slice(0, split), kind: type.slice(split + 1) })
  const object = kind && graph.informer(kind).cache.get(objectKey)
  if (!kind || !object) return
  const states = new Map<string, ReturnType<Observed['owner']>>()
  for (const reference of object.metadata.ownerReferences ?? []) states.set(reference.uid, await ownerState(reference, object, context))
  const observed: Observed = {
    object,
    dependents: dependentsOf(object, graph),
    owner: reference => states.get(reference.uid) ?? 'unknown',
  }
  let latest = object
  for (const action of planCollection(observed)) latest = (await perform(action, kind, latest, context)) ?? latest
}

async function ownerState(
  reference: OwnerReference,
  dependent: KubernetesObject,
  context: Context,
): Promise<ReturnType<Observed['owner']>> {
  const { graph } = context
  const kind = graph.find(reference)
  if (!kind) return 'unknown'
  let owner = ownerOf(reference, dependent, graph)
  if (!owner) {
    // The cache may be behind what made the dependent; only a fresh read proves that an owner is absent.
    const target = { name: reference.name, ...(kind.namespaced && { namespace: dependent.metadata.namespace ?? '' }) }
    const fresh = await context.client
      .resource(kind)
      .get(target, { signal: context.signal })
      .catch(error => {
        if (isReason(error, 'NotFound')) return undefined
        throw error
      })
    if (fresh?.metadata.uid !== reference.uid) return 'absent'
    owner = fresh
  }
  return isDeletingForeground(owner) ? 'deleting-foreground' : 'present'
}

/** Resolves with the object as it is afterwards, where it was changed and is not gone. */
async function perform(action: Action, kind: Kind, object: KubernetesObject, context: Context): Promise<KubernetesObject | undefined> {
  const { graph } = context
  switch (action.kind) {
    case 'delete':
      await remove(kind, object, action.propagationPolicy, context)
      return undefined
    case 'unblock-owners': {
      const ownerReferences = (object.metadata.ownerReferences ?? []).map(each => ({ ...each, blockOwnerDeletion: false }))
      return patchMetadata(kind, object, { ownerReferences }, context)
    }
    case 'orphan-dependents':
      for (const dependent of action.dependents) {
        const dependentKind = graph.find(dependent)
        if (dependentKind) await dropOwners(dependentKind, dependent, [object.metadata.uid ?? ''], context)
      }
      return patchMetadata(kind, object, { finalizers: (object.metadata.finalizers ?? []).filter(each => each !== ORPHAN) }, context)
    case 'drop-owners':
      return dropOwners(kind, object, action.uids, context)
    case 'remove-finalizer':
      return patchMetadata(
        kind,
        object,
        { finalizers: (object.metadata.finalizers ?? []).filter(each => each !== action.finalizer) },
        context,
      )
    default:
      action satisfies never
      return undefined
  }
}

function targetOf(kind: Kind, { metadata }: KubernetesObject) {
  return { name: metadata.name ?? '', ...(kind.namespaced && { namespace: metadata.namespace ?? '' }) }
}

async function remove(
  kind: Kind,
  object: KubernetesObject,
  propagationPolicy: 'Background' | 'Foreground',
  { client, signal }: ControllerContext,
) {
  const { uid = '', resourceVersion = '' } = object.metadata
  await client
    .resource(kind)
    .delete(targetOf(kind, object), { preconditions: { uid, resourceVersion }, propagationPolicy, signal })
    .catch(ignoreGone)
}

function dropOwners(kind: Kind, object: KubernetesObject, uids: readonly string[], context: ControllerContext) {
  const ownerReferences = (object.metadata.ownerReferences ?? []).filter(reference => !uids.includes(reference.uid))
  return patchMetadata(kind, object, { ownerReferences }, context)
}

async function patchMetadata(
  kind: Kind,
  object: KubernetesObject,
  metadata: Partial<KubernetesObject['metadata']>,
  { client, signal }: ControllerContext,
): Promise<KubernetesObject | undefined> {
  // The version makes the whole list safe to replace: a change by another in between is a conflict, and the key is tried again.
  const { uid = '', resourceVersion = '' } = object.metadata
  return client
    .resource(kind)
    .patch(targetOf(kind, object), { type: 'merge', body: { metadata: { uid, resourceVersion, ...metadata } } }, { signal })
    .catch(ignoreGone)
}

function ignoreGone(error: unknown): undefined {
  if (!isReason(error as Error, 'NotFound')) throw error
  return undefined
}
