import { endpointSliceKind, endpointsKind, runController, serviceKind, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { LABELS } from '../endpoint-slice/plan.ts'
import { perform, slicesOf } from '../endpoint-slice/slices.ts'
import { MIRROR, planMirror } from './plan.ts'

/** Keeps EndpointSlices of the Endpoints that others make for Services without a selector. Settles when the context's signal aborts. */
export async function runEndpointSliceMirroring(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const services = context.informer(serviceKind)
  const endpoints = context.informer(endpointsKind)
  const slices = context.informer(endpointSliceKind)
  await Promise.all([services.synced, endpoints.synced, slices.synced])
  const queue = new WorkQueue({ clock })
  services.onChange(({ key }) => queue.add(key))
  endpoints.onChange(({ key }) => queue.add(key))
  slices.onChange(({ object: { metadata } }) => {
    const { [LABELS.service]: name, [LABELS.managedBy]: manager } = metadata.labels ?? {}
    if (name && manager === MIRROR) queue.add(`${metadata.namespace}/${name}`)
  })
  const reconcile = async (key: string) => {
    const observed = {
      service: services.cache.get(key),
      endpoints: endpoints.cache.get(key),
      slices: slicesOf(key, slices, MIRROR),
    }
    for (const action of planMirror(observed)) await perform(action, context)
  }
  await runController(queue, reconcile, { log, signal, workers: 4 })
}
