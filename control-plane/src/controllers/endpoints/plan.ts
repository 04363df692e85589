/** From a Service and its pods to the older Endpoints object: pure. */
import {
  type EndpointAddress,
  type EndpointSubset,
  type EndpointsPort,
  isPodFinished,
  isPodReady,
  type Pod,
  type Service,
} from '@davit/api'
import { portsOf } from '../endpoint-slice/plan.ts'

/** Most addresses in one Endpoints object, as Kubernetes has it; more are only in EndpointSlices. */
export const ADDRESSES_MAX = 1000

/** Made once: one made for each comparison is what a large Service's sorting would take its time for. */
const { compare } = new Intl.Collator('en', { numeric: true })

/** Subsets in Kubernetes' canonical order, so that equal states are equal objects. */
export function endpointSubsets(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const subsets = new Map<string, EndpointSubset>()
  const byAddress = [...pods].sort((a, b) => compare(a.status?.podIP ?? '', b.status?.podIP ?? ''))
  let count = 0
  for (const pod of byAddress) {
    const address = addressOf(service, pod)
    // Clients of the older API know no "terminating": a pod that is being deleted is simply no endpoint.
    if (!address || pod.metadata.deletionTimestamp !== undefined || count++ >= ADDRESSES_MAX) continue
    const ports: EndpointsPort[] = portsOf(service, pod).map(({ name, port = 0, ...rest }) => ({ ...(name && { name }), port, ...rest }))
    const key = JSON.stringify(ports)
    const subset: EndpointSubset = subsets.get(key) ?? { ports }
    const ready = service.spec?.publishNotReadyAddresses === true || isPodReady(pod)
    if (ready) subset.addresses = [...(subset.addresses ?? []), address]
    else subset.notReadyAddresses = [...(subset.notReadyAddresses ?? []), address]
    subsets.set(key, subset)
  }
  return [...subsets.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, subset]) => subset)
}

function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const ip = pod.status?.podIP
  if (!ip || isPodFinished(pod)) return undefined
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const nodeName = pod.spec?.nodeName
  const hasName = pod.spec?.hostname && pod.spec.subdomain === service.metadata.name
  return {
    ip,
    ...(hasName && { hostname: pod.spec?.hostname ?? '' }),
    ...(nodeName && { nodeName }),
    targetRef: { kind: 'Pod', namespace, name, uid },
  }
}
