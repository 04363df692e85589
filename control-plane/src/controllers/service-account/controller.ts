import { isReason, namespaceKind, runController, serviceAccountKind, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'

/** Gives every namespace its `default` ServiceAccount. Settles when the context's signal aborts. */
export async function runServiceAccountController(context: ControllerContext): Promise<void> {
  const { client, clock, log, signal } = context
  const namespaces = context.informer(namespaceKind)
  const accounts = context.informer(serviceAccountKind)
  await Promise.all([namespaces.synced, accounts.synced])
  const queue = new WorkQueue({ clock })
  namespaces.onChange(({ key }) => queue.add(key))
  accounts.onChange(({ type, object }) => type === 'deleted' && queue.add(object.metadata.namespace ?? ''))
  const reconcile = async (name: string) => {
    const namespace = namespaces.cache.get(name)
    if (!namespace || namespace.metadata.deletionTimestamp !== undefined || accounts.cache.get(`${name}/default`)) return
    try {
      const made = await client
        .resource(serviceAccountKind)
        .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } }, { signal })
      await accounts.reached(made.metadata.resourceVersion ?? '', signal)
    } catch (error) {
      // Made by someone else, or the namespace is on its way out: either way nothing is left to do.
      if (!isReason(error, 'AlreadyExists') && !isReason(error, 'Forbidden') && !isReason(error, 'NotFound')) throw error
    }
  }
  await runController(queue, reconcile, { log, signal })
}
