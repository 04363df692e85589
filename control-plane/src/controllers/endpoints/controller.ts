import { isDeepStrictEqual } from 'node:util'
import { type Endpoints, endpointsKind, isReason, podKind, runController, serviceKind, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { onPodOfService, selectedPods } from '../selected-pods.ts'
import { spaced } from '../spaced.ts'
import { endpointSubsets } from './plan.ts'

/** Data planes read EndpointSlices; this older object is for people and old clients. */
const INTERVAL_MS = 1_000

/** Keeps the Endpoints object of every Service that has a selector. Settles when the context's signal aborts. */
export async function runEndpointsController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const services = context.informer(serviceKind)
  const pods = context.informer(podKind)
  const endpoints = context.informer(endpointsKind)
  await Promise.all([services.synced, pods.synced, endpoints.synced])
  const queue = new WorkQueue({ clock })
  services.onChange(({ key }) => queue.add(key))
  onPodOfService(services, pods, spaced(queue, { clock, intervalMs: INTERVAL_MS }))
  // Endpoints that no Service has are somebody's own, and stay as they are.
  endpoints.onChange(({ key, type }) => type !== 'added' && services.cache.get(key) && queue.add(key))
  await runController(queue, key => reconcile(key, context), { log, signal, workers: 4 })
}

async function reconcile(key: string, { client, signal, informer }: ControllerContext) {
  const service = informer(serviceKind).cache.get(key)
  const endpoints = informer(endpointsKind)
  const present = endpoints.cache.get(key)
  const resource = client.resource(endpointsKind)
  if (!service) {
    if (!present) return
    const { name = '', namespace = '', uid = '' } = present.metadata
    await resource.delete({ name, namespace }, { preconditions: { uid }, signal }).catch(error => {
      if (!isReason(error, 'NotFound')) throw error
    })
    return
  }
  if (!service.spec?.selector || Object.keys(service.spec.selector).length === 0 || service.spec.type === 'ExternalName') return
  const subsets = endpointSubsets(service, selectedPods(service, informer(podKind)))
  const { name = '', namespace = '', labels } = service.metadata
  const wanted: Endpoints = {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, namespace, ...(labels && { labels }) },
    ...(subsets.length > 0 && { subsets }),
  }
  if (present && isDeepStrictEqual(present.subsets ?? [], subsets) && isDeepStrictEqual(present.metadata.labels ?? {}, labels ?? {})) return
  const { subsets: _, ...rest } = present ?? wanted
  const written = present
    ? await resource.update(
        { ...rest, ...(subsets.length > 0 && { subsets }), metadata: { ...present.metadata, labels: labels ?? {} } },
        { signal },
      )
    : await resource.create(wanted, { signal })
  await endpoints.reached(written.metadata.resourceVersion ?? '', signal)
}
