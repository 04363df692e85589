/** From a Service's EndpointSlices to places that can be dialled. Pure. */
import type { EndpointSlice } from '@davit/api'
import type { Place } from './types.ts'

/** Every ready endpoint's place at the port of that name (`''`: the one without a name), in the order of the slices. */
export function endpointPlaces(slices: readonly EndpointSlice[], portName: string): Place[] {
  return slices.flatMap(({ endpoints, ports }) => {
    const port = ports?.find(each => (each.name ?? '') === portName && (each.protocol ?? 'TCP') === 'TCP')?.port
    if (port === undefined) return []
    const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false)
    return ready.flatMap(({ addresses: [address], nodeName, targetRef }) => {
      if (address === undefined) return []
      const { kind, namespace, name } = targetRef ?? {}
      const pod = kind === 'Pod' && namespace && name ? { namespace, name } : undefined
      return [{ address, port, ...(nodeName && { node: nodeName }), ...(pod && { pod }) }]
    })
  })
}
