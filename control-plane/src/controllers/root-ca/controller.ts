/** Gives every namespace the ConfigMap by which its pods know the API server. */
import { type ConfigMap, configMapKind, isReason, namespaceKind, runController, startInformer, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'

export const ROOT_CA = 'kube-root-ca.crt'

/** The CAs to trust, and word of their changes. */
export interface Authorities {
  /** PEM, one after the other. */
  bundle(): string
  /** Gives back how to listen no more. */
  onChange(listener: () => void): () => void
}

/** Writes it where it is missing, was changed, or the CAs changed. Settles when the context's signal aborts. */
export async function runRootCaController(
  { client, clock, log, signal, informer }: ControllerContext,
  authorities: Authorities,
): Promise<void> {
  const namespaces = informer(namespaceKind)
  const named = startInformer(client, configMapKind, { fieldSelector: `metadata.name=${ROOT_CA}`, signal, log, clock })
  await Promise.all([namespaces.synced, named.synced])
  const queue = new WorkQueue({ clock })
  namespaces.onChange(({ key }) => queue.add(key))
  named.onChange(({ object }) => queue.add(object.metadata.namespace ?? ''))
  const stop = authorities.onChange(() => {
    for (const { metadata } of namespaces.cache.list()) queue.add(metadata.name ?? '')
  })
  signal.addEventListener('abort', stop, { once: true })
  const maps = client.resource(configMapKind)
  const reconcile = async (namespace: string) => {
    const found = namespaces.cache.get(namespace)
    if (!found || found.metadata.deletionTimestamp !== undefined) return
    const present = named.cache.get(`${namespace}/${ROOT_CA}`)
    const wanted = planRootCa(present, namespace, authorities.bundle())
    if (!wanted) return
    try {
      const written = await (present ? maps.update(wanted, { signal }) : maps.create(wanted, { signal }))
      await named.reached(written.metadata.resourceVersion ?? '', signal)
    } catch (err) {
      // Made by someone else, or the namespace is on its way out: either way word of it comes.
      if (!isReason(err, 'AlreadyExists') && !isReason(err, 'Forbidden') && !isReason(err, 'NotFound')) throw err
    }
  }
  await runController(queue, reconcile, { log, signal })
}

/** What is to be written; undefined when `present` is as it should be. */
export function planRootCa(present: ConfigMap | undefined, namespace: string, bundle: string): ConfigMap | undefined {
  const data = { 'ca.crt': bundle }
  if (present && Object.keys(present.data ?? {}).length === 1 && present.data?.['ca.crt'] === bundle && !present.binaryData)
    return undefined
  const annotations = { 'kubernetes.io/description': 'The certificates by which pods know the API server inside the cluster.' }
  const metadata = { annotations, ...present?.metadata, name: ROOT_CA, namespace }
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data }
}
