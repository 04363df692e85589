import {
  customResourceDefinitionKind,
  isReason,
  KINDS,
  type Kind,
  type Namespace,
  namespaceKind,
  podKind,
  runController,
  WorkQueue,
} from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { customKinds } from '../custom-kinds.ts'

/** While something of the namespace is left, how soon to look again, milliseconds. */
const AGAIN_MS = 500

/**
 * Empties every namespace that is being deleted, pods first and then the rest, and lets it go once a fresh read finds nothing
 * in it. Settles when the context's signal aborts.
 */
export async function runNamespaceController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const namespaces = context.informer(namespaceKind)
  await Promise.all([namespaces.synced, context.informer(customResourceDefinitionKind).synced])
  const queue = new WorkQueue({ clock })
  namespaces.onChange(({ key, object }) => object.metadata.deletionTimestamp !== undefined && queue.add(key))
  await runController(
    queue,
    async name => {
      const namespace = namespaces.cache.get(name)
      if (!namespace || namespace.metadata.deletionTimestamp === undefined) return
      return reconcile(namespace, context)
    },
    { log, signal, workers: 4 },
  )
}

async function reconcile(namespace: Namespace, context: ControllerContext) {
  const { client, signal } = context
  const name = namespace.metadata.name ?? ''
  const podsLeft = await empty(podKind as unknown as Kind, name, context)
  if (podsLeft > 0) return { againAfterMs: AGAIN_MS }
  const others = [...KINDS, ...customKinds(context)].filter(kind => kind.namespaced && !kind.view && kind !== (podKind as unknown as Kind))
  const left = await Promise.all(others.map(kind => emptyIfServed(kind, name, context)))
  if (left.some(count => count > 0)) return { againAfterMs: AGAIN_MS }
  const finalizers = (namespace.spec?.finalizers ?? []).filter(finalizer => finalizer !== 'kubernetes')
  await client
    .resource(namespaceKind)
    .update({ ...namespace, spec: { ...namespace.spec, finalizers } }, { subresource: 'finalize', signal })
    .catch(error => {
      if (!isReason(error, 'NotFound')) throw error
    })
}

/** A kind that users define may be gone since. */
async function emptyIfServed(kind: Kind, namespace: string, context: ControllerContext): Promise<number> {
  return empty(kind, namespace, context).catch(error => {
    if (kind.custom && isReason(error, 'NotFound')) return 0
    throw error
  })
}

/** Deletes every object of the kind in the namespace; gives how many a fresh read still finds. */
async function empty(kind: Kind, namespace: string, { client, signal }: ControllerContext): Promise<number> {
  const resource = client.resource(kind)
  const before = await resource.list({ namespace, signal })
  if (before.items.length === 0) return 0
  await resource.deleteCollection({ namespace, signal }, { propagationPolicy: 'Background', signal })
  return (await resource.list({ namespace, signal })).items.length
}
