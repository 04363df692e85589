/**
 * From Endpoints that somebody made for a Service without a selector to EndpointSlices, which is what data planes read: pure.
 * https://kubernetes.io/docs/concepts/services-networking/service/#endpointslice-mirroring
 */
import { isIPv6 } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import type { Endpoint, EndpointAddress, EndpointPort, EndpointSlice, EndpointSubset, Endpoints, Service } from '@davit/api'
import { type Action, LABELS, sliceOf } from '../endpoint-slice/plan.ts'

export const MIRROR = 'endpointslicemirroring-controller.k8s.io'

const SKIP = 'endpointslice.kubernetes.io/skip-mirror'
/** On Endpoints that elect a leader and lead nowhere. */
const LEADER = 'control-plane.alpha.kubernetes.io/leader'
/** Of the Endpoints themselves. */
const OWN_ANNOTATIONS: readonly string[] = ['kubectl.kubernetes.io/last-applied-configuration', 'endpoints.kubernetes.io/over-capacity']
/** Most addresses of one subset that are mirrored, as Kubernetes has it. */
const ADDRESSES_MAX = 1000

export interface Observed {
  service: Service | undefined
  endpoints: Endpoints | undefined
  /** The Service's slices that mirror. */
  slices: readonly EndpointSlice[]
}

type Draft = Pick<EndpointSlice, 'addressType' | 'endpoints'> & { ports: EndpointPort[] }

/** What makes the slices say what the Endpoints say; one slice for each set of ports and family of addresses. */
export function planMirror({ service, endpoints, slices }: Observed): Action[] {
  const actions: Action[] = []
  const left = new Set(slices)
  for (const draft of service && endpoints && isMirrored(service, endpoints) ? draftsOf(endpoints) : []) {
    const present = [...left].find(slice => slice.addressType === draft.addressType && isDeepStrictEqual(slice.ports ?? [], draft.ports))
    const wanted = mirrorOf(endpoints as Endpoints, draft)
    if (!present) actions.push({ kind: 'create-slice', slice: wanted })
    else {
      left.delete(present)
      const { labels = {}, annotations = {} } = wanted.metadata
      const { labels: presentLabels = {}, annotations: presentAnnotations = {} } = present.metadata
      const isSame = isDeepStrictEqual([present.endpoints, presentLabels, presentAnnotations], [draft.endpoints, labels, annotations])
      const metadata = { ...present.metadata, labels, annotations }
      if (!isSame) actions.push({ kind: 'update-slice', slice: { ...present, metadata, endpoints: draft.endpoints } })
    }
  }
  for (const slice of left) actions.push({ kind: 'delete-slice', slice })
  return actions
}

/** Endpoints of a Service with a selector are the cluster's own work, made from the same pods as its slices. */
function isMirrored({ spec }: Service, { metadata }: Endpoints): boolean {
  const hasSelector = Object.keys(spec?.selector ?? {}).length > 0
  const isLeft = metadata.labels?.[SKIP] === 'true' || metadata.annotations?.[LEADER] !== undefined
  return !hasSelector && !isLeft && metadata.deletionTimestamp === undefined
}

function draftsOf({ subsets = [] }: Endpoints): Draft[] {
  const drafts = new Map<string, { draft: Draft; known: Set<string> }>()
  for (const subset of subsets) {
    const ports = portsOf(subset)
    for (const endpoint of endpointsOf(subset).slice(0, ADDRESSES_MAX)) {
      const [address = ''] = endpoint.addresses
      const addressType = isIPv6(address) ? 'IPv6' : 'IPv4'
      const key = JSON.stringify([addressType, ports])
      const { draft, known } = drafts.get(key) ?? { draft: { addressType, ports, endpoints: [] }, known: new Set() }
      drafts.set(key, { draft, known })
      // An address may be in two subsets of the same ports.
      if (!known.has(address)) draft.endpoints.push(endpoint)
      known.add(address)
    }
  }
  return [...drafts.values()].map(({ draft }) => draft)
}

function portsOf({ ports = [] }: EndpointSubset): EndpointPort[] {
  return ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({ name, port, protocol, ...(appProtocol && { appProtocol }) }))
}

function endpointsOf({ addresses = [], notReadyAddresses = [] }: EndpointSubset): Endpoint[] {
  const endpoint = ({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint => ({
    addresses: [ip],
    conditions: { ready },
    ...(hostname && { hostname }),
    ...(nodeName && { nodeName }),
    ...(targetRef && { targetRef }),
  })
  return [...addresses.map(address => endpoint(address, true)), ...notReadyAddresses.map(address => endpoint(address, false))]
}

function mirrorOf(endpoints: Endpoints, draft: Draft): EndpointSlice {
  const { name = '', annotations = {} } = endpoints.metadata
  const copied = Object.entries(annotations).filter(([key]) => !OWN_ANNOTATIONS.includes(key))
  const labels = { ...endpoints.metadata.labels, [LABELS.service]: name, [LABELS.managedBy]: MIRROR }
  const metadata = { labels, ...(copied.length > 0 && { annotations: Object.fromEntries(copied) }) }
  return sliceOf('Endpoints', endpoints, { metadata, ...draft })
}
