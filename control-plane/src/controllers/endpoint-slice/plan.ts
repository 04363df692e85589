/** From a Service and its pods to EndpointSlices: pure. https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/ */
import { isDeepStrictEqual } from 'node:util'
import {
  type Endpoint,
  type EndpointPort,
  type EndpointSlice,
  isPodFinished,
  isPodReady,
  type KubernetesObject,
  type Node,
  type Pod,
  type Service,
  type ServicePort,
} from '@davit/api'
import { controllerReference } from '../context.ts'

export const LABELS = {
  service: 'kubernetes.io/service-name',
  managedBy: 'endpointslice.kubernetes.io/managed-by',
  headless: 'service.kubernetes.io/headless',
} as const
export const MANAGER = 'endpointslice-controller.k8s.io'

export interface Observed {
  service: Service
  /** Pods the Service selects. */
  pods: readonly Pod[]
  /** The Service's slices that this controller manages. */
  slices: readonly EndpointSlice[]
  nodes: ReadonlyMap<string, Node>
}

export type Action =
  | { kind: 'create-slice'; slice: EndpointSlice }
  | { kind: 'update-slice'; slice: EndpointSlice }
  | { kind: 'delete-slice'; slice: EndpointSlice }

/** Most endpoints in one slice: large enough for few objects, small enough for cheap changes. */
const SLICE_MAX = 100

/** What turns the present slices into the wanted ones; endpoints stay in the slice they are in, so that one pod costs one write. */
export function planEndpointSlices(observed: Observed): Action[] {
  const { service, slices } = observed
  const wanted = groupByPorts(observed)
  const actions: Action[] = []
  const kept = new Set<EndpointSlice>()
  for (const { ports, endpoints } of wanted) {
    const remaining = new Map(endpoints.map(endpoint => [identity(endpoint), endpoint]))
    const drafts = slices
      .filter(slice => isDeepStrictEqual(slice.ports ?? [], ports) && !kept.has(slice))
      .map(slice => {
        const present = (slice.endpoints ?? []).flatMap(endpoint => take(remaining, identity(endpoint)))
        return { slice, endpoints: present }
      })
    for (const draft of drafts)
      while (draft.endpoints.length < SLICE_MAX && remaining.size > 0) draft.endpoints.push(...takeFirst(remaining))
    for (const { slice, endpoints: next } of drafts) {
      // An empty slice is kept while it is the only one: data planes learn "no endpoints" from it rather than from nothing.
      if (next.length === 0 && (drafts.length > 1 || endpoints.length > 0)) continue
      kept.add(slice)
      const updated = { ...slice, metadata: { ...slice.metadata, labels: labelsOf(service) }, endpoints: next }
      const isSame = isDeepStrictEqual(next, slice.endpoints ?? []) && isDeepStrictEqual(updated.metadata.labels, slice.metadata.labels)
      if (!isSame) actions.push({ kind: 'update-slice', slice: updated })
    }
    const mustExist = endpoints.length === 0 && wanted.length === 1 && !drafts.some(draft => kept.has(draft.slice))
    if (mustExist) actions.push({ kind: 'create-slice', slice: newSlice(service, ports, []) })
    while (remaining.size > 0) {
      const part: Endpoint[] = []
      while (part.length < SLICE_MAX && remaining.size > 0) part.push(...takeFirst(remaining))
      actions.push({ kind: 'create-slice', slice: newSlice(service, ports, part) })
    }
  }
  for (const slice of slices) if (!kept.has(slice)) actions.push({ kind: 'delete-slice', slice })
  return actions
}

function take(from: Map<string, Endpoint>, key: string): Endpoint[] {
  const endpoint = from.get(key)
  from.delete(key)
  return endpoint ? [endpoint] : []
}

function takeFirst(from: Map<string, Endpoint>): Endpoint[] {
  const [key] = from.keys()
  return key === undefined ? [] : take(from, key)
}

const identity = (endpoint: Endpoint) => `${endpoint.targetRef?.uid ?? ''}/${endpoint.addresses[0] ?? ''}`

/** Pods whose named ports resolve to different numbers need slices of their own; usually there is one group. */
function groupByPorts({ service, pods, nodes }: Observed): { ports: EndpointPort[]; endpoints: Endpoint[] }[] {
  const groups = new Map<string, { ports: EndpointPort[]; endpoints: Endpoint[] }>()
  for (const pod of pods) {
    const endpoint = endpointOf(service, pod, nodes)
    if (!endpoint) continue
    const ports = portsOf(service, pod)
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, endpoints: [] }
    group.endpoints.push(endpoint)
    groups.set(key, group)
  }
  if (groups.size === 0) return [{ ports: portsOf(service, undefined), endpoints: [] }]
  return [...groups.values()]
}

function endpointOf(service: Service, pod: Pod, nodes: ReadonlyMap<string, Node>): Endpoint | undefined {
  const address = pod.status?.podIP
  if (!address || isPodFinished(pod)) return undefined
  const serving = isPodReady(pod)
  const terminating = pod.metadata.deletionTimestamp !== undefined
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating)
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const nodeName = pod.spec?.nodeName
  const zone = nodeName ? nodes.get(nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'] : undefined
  const hasName = pod.spec?.hostname && pod.spec.subdomain === service.metadata.name
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hasName && { hostname: pod.spec?.hostname ?? '' }),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
  }
}

/** The Service's ports as `pod` has them; a named port that the pod lacks is left out. */
export function portsOf({ spec }: Service, pod: Pod | undefined): EndpointPort[] {
  return (spec?.ports ?? []).flatMap(port => {
    const number = targetPort(port, pod)
    if (number === undefined) return []
    return [
      { name: port.name ?? '', port: number, protocol: port.protocol ?? 'TCP', ...(port.appProtocol && { appProtocol: port.appProtocol }) },
    ]
  })
}

function targetPort(port: ServicePort, pod: Pod | undefined): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target === 0 ? port.port : target
  const containers = [
    ...(pod?.spec?.containers ?? []),
    ...(pod?.spec?.initContainers ?? []).filter(each => each.restartPolicy === 'Always'),
  ]
  const ports = containers.flatMap(container => container.ports ?? [])
  return ports.find(each => each.name === target && (each.protocol ?? 'TCP') === (port.protocol ?? 'TCP'))?.containerPort
}

function labelsOf({ metadata, spec }: Service): Record<string, string> {
  return {
    ...metadata.labels,
    [LABELS.service]: metadata.name ?? '',
    [LABELS.managedBy]: MANAGER,
    ...(spec?.clusterIP === 'None' && { [LABELS.headless]: '' }),
  }
}

function newSlice(service: Service, ports: EndpointPort[], endpoints: Endpoint[]): EndpointSlice {
  return sliceOf('Service', service, { metadata: { labels: labelsOf(service) }, addressType: 'IPv4', endpoints, ports })
}

type SliceContent = Pick<EndpointSlice, 'metadata' | 'addressType' | 'endpoints'> & { ports: EndpointPort[] }

/** A slice that is yet to be made; it goes when `owner`, of a kind of the core group, goes. */
export function sliceOf(kind: 'Service' | 'Endpoints', owner: KubernetesObject, { metadata, ...content }: SliceContent): EndpointSlice {
  const { name = '', namespace = '' } = owner.metadata
  const ownerReferences = [controllerReference({ apiVersion: 'v1', kind }, owner)]
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { generateName: `${name}-`, namespace, ...metadata, ownerReferences },
    ...content,
  }
}
