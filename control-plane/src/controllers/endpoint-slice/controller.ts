import { type EndpointSlice, endpointSliceKind, nodeKind, podKind, runController, serviceKind, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { merelyJoins, onPodOfService, selectedPods } from '../selected-pods.ts'
import { spaced } from '../spaced.ts'
import { LABELS, MANAGER, planEndpointSlices } from './plan.ts'
import { perform, slicesOf } from './slices.ts'

/**
 * Each write of a slice is one more change of every node's rules. Pods that join others wait longer than those that leave: nothing is
 * sent astray meanwhile.
 */
const INTERVAL_MS = { joining: 2_000, other: 200 }

/** Keeps the EndpointSlices of every Service that has a selector. Settles when the context's signal aborts. */
export async function runEndpointSliceController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const services = context.informer(serviceKind)
  const pods = context.informer(podKind)
  const nodes = context.informer(nodeKind)
  const slices = context.informer(endpointSliceKind)
  await Promise.all([services.synced, pods.synced, nodes.synced, slices.synced])
  const queue = new WorkQueue({ clock })
  services.onChange(({ key }) => queue.add(key))
  const soon = spaced(queue, { clock, intervalMs: INTERVAL_MS.other })
  const later = spaced(queue, { clock, intervalMs: INTERVAL_MS.joining })
  onPodOfService(services, pods, (key, change) =>
    merelyJoins(change) && hasReady(slicesOf(key, slices, MANAGER)) ? later(key) : soon(key),
  )
  slices.onChange(({ type, object }) => {
    const name = object.metadata.labels?.[LABELS.service]
    if (name && type !== 'added') queue.add(`${object.metadata.namespace}/${name}`)
  })
  await runController(queue, key => reconcile(key, context), { log, signal, workers: 8 })
}

/** A Service with nobody to answer is what its callers wait for. */
function hasReady(slices: readonly EndpointSlice[]): boolean {
  return slices.some(({ endpoints = [] }) => endpoints.some(({ conditions }) => conditions?.ready))
}

async function reconcile(key: string, context: ControllerContext) {
  const service = context.informer(serviceKind).cache.get(key)
  // A Service that goes takes its slices with it by their owner reference.
  if (!service || service.metadata.deletionTimestamp !== undefined) return
  if (!service.spec?.selector || Object.keys(service.spec.selector).length === 0 || service.spec.type === 'ExternalName') return
  const owned = slicesOf(key, context.informer(endpointSliceKind), MANAGER)
  const nodes = new Map([...context.informer(nodeKind).cache.list()].map(node => [node.metadata.name ?? '', node]))
  const actions = planEndpointSlices({ service, pods: selectedPods(service, context.informer(podKind)), slices: owned, nodes })
  for (const action of actions) await perform(action, context)
}
