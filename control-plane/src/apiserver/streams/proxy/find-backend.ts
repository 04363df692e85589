/** Where a proxied request goes; refusals in Kubernetes' words. */
import {
  badRequest,
  endpointSliceKind,
  isProxyableAddress,
  type Kind,
  type KubernetesObject,
  nodeKind,
  podKind,
  serviceKind,
  unavailable,
} from '@davit/api'
import { endpointPlaces, type Lookups, type Place } from '../../dial/index.ts'
import type { ProxyCall } from '../../http/index.ts'
import { splitSchemeNamePort } from './scheme-name-port.ts'

const DEFAULT_PORT = { http: 80, https: 443 } as const

export interface Found {
  readonly scheme: 'http' | 'https'
  /** One is picked by chance; not empty. */
  readonly places: readonly Place[]
}

/** Finds an object as it is now. Throws NotFound. */
export type Get = <T extends KubernetesObject>(kind: Kind<T>, target: { name: string; namespace?: string }) => Promise<T>

interface Finders {
  readonly get: Get
  readonly lookups: Lookups
}

/** Throws ApiError. */
export async function findBackend(finders: Finders, call: ProxyCall): Promise<Found> {
  const what = { pods: 'pod', services: 'service', nodes: 'node' }[call.resource]
  const asked = splitSchemeNamePort(call.name)
  if (!asked) throw badRequest(`invalid ${what} request ${JSON.stringify(call.name)}`)
  const { scheme, name, port } = asked
  const at = (place: Place): Found => ({ scheme, places: [place] })
  if (call.resource === 'services') return { scheme, places: await placesOfService(finders, call, { name, port }) }
  if (call.resource === 'nodes') {
    const node = await finders.get(nodeKind, { name })
    const address = addressAllowed(node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address)
    return at({ address, port: portNumber(port || String(DEFAULT_PORT[scheme])), node: name })
  }
  const pod = await finders.get(podKind, { namespace: call.namespace, name })
  const declared = pod.spec.containers.find(({ ports }) => ports && ports.length > 0)?.ports?.[0]?.containerPort
  const wanted = port || String(declared ?? DEFAULT_PORT[scheme])
  const address = addressAllowed(pod.status?.podIP)
  return at({ address, port: portNumber(wanted), node: pod.spec.nodeName ?? '', pod: { namespace: call.namespace, name } })
}

/** Ready endpoints that are pods with that very address: whoever writes a Service's endpoints cannot lead us elsewhere. */
async function placesOfService(
  { get, lookups }: Finders,
  { namespace }: ProxyCall,
  { name, port }: { name: string; port: string },
): Promise<Place[]> {
  const service = await get(serviceKind, { namespace, name })
  const labelSelector = `kubernetes.io/service-name=${name}`
  const slices = await lookups.all(endpointSliceKind, { namespace, labelSelector })
  const found: Place[] = []
  for (const place of endpointPlaces(slices, portNameOf(service.spec.ports ?? [], { name, port }))) {
    if (place.pod?.namespace !== namespace || !isProxyableAddress(place.address)) continue
    const pod = await lookups.find(podKind, place.pod)
    const addresses = pod?.status?.podIPs?.map(({ ip }) => ip) ?? []
    if (pod?.spec.nodeName && addresses.includes(place.address)) found.push({ ...place, node: pod.spec.nodeName })
  }
  if (found.length === 0) throw unavailable(`no endpoints available for service ${JSON.stringify(port ? `${name}:${port}` : name)}`)
  return found
}

/** A port may be asked for by its name or its number; one that is not said has no name. */
function portNameOf(ports: readonly { name?: string; port: number }[], { name, port }: { name: string; port: string }): string {
  if (!/^\d+$/.test(port)) return port
  const declared = ports.find(each => each.port === Number(port))
  if (!declared) throw unavailable(`no service port ${Number(port)} found for service ${JSON.stringify(name)}`)
  return declared.name ?? ''
}

function addressAllowed(address: string | undefined): string {
  if (address === undefined || !isProxyableAddress(address)) throw badRequest('address not allowed')
  return address
}

function portNumber(text: string): number {
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw badRequest(`invalid port ${JSON.stringify(text)}`)
  return port
}
