/** EndpointSlices as their controllers read and write them. */
import { type EndpointSlice, endpointSliceKind, type Informer, isReason, key as keyOf } from '@davit/api'
import { type ControllerContext, settled } from '../context.ts'
import { type Action, LABELS } from './plan.ts'

/** Slices of the Service at `key` that `manager` keeps. */
export function slicesOf(key: string, slices: Informer<EndpointSlice>, manager: string): EndpointSlice[] {
  const [namespace = '', name] = key.split('/')
  return slices.cache
    .byIndex('namespace', namespace)
    .filter(({ metadata: { labels } }) => labels?.[LABELS.service] === name && labels?.[LABELS.managedBy] === manager)
}

/** Resolves once the informer shows what was done. */
export async function perform(action: Action, context: ControllerContext): Promise<void> {
  const { client, signal, clock } = context
  const resource = client.resource(endpointSliceKind)
  const slices = context.informer(endpointSliceKind)
  const seen = (slice: EndpointSlice) => slices.reached(slice.metadata.resourceVersion ?? '', signal)
  switch (action.kind) {
    case 'create-slice':
      return seen(await resource.create(action.slice, { signal }))
    case 'update-slice':
      return seen(await resource.update(action.slice, { signal }))
    case 'delete-slice': {
      const { name = '', namespace = '', uid = '' } = action.slice.metadata
      await resource.delete({ name, namespace }, { preconditions: { uid }, signal }).catch(error => {
        if (!isReason(error, 'NotFound')) throw error
      })
      return settled(slices, () => slices.cache.get(keyOf(action.slice))?.metadata.uid !== uid, { signal, clock })
    }
    default:
      action satisfies never
  }
}
