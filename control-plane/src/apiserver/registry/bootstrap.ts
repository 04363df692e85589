/** What every cluster has from its first minute. Replicas may all do this at once: what one made, the others find. */
import {
  DEFAULT_CLASS_ANNOTATION,
  type EndpointSlice,
  type Endpoints,
  endpointSliceKind,
  endpointsKind,
  flowSchemaKind,
  GROUPS,
  isReason,
  type Kind,
  type KubernetesObject,
  MANDATORY_FLOW_SCHEMAS,
  MANDATORY_PRIORITY_LEVELS,
  NAMESPACES,
  type Namespace,
  NETWORKS,
  namespaceKind,
  priorityClassKind,
  priorityLevelConfigurationKind,
  type Service,
  type ServiceCidr,
  type StorageClass,
  SYSTEM_PRIORITY_CLASSES,
  serviceCidrKind,
  serviceKind,
  storageClassKind,
  VOLUMES,
} from '@davit/api'
import type { Storage } from '../../storage/types.ts'
import { formatAddress, parseRange } from './allocation/address-range.ts'
import { targetOf } from './resources.ts'
import type { Registry, RequestContext } from './types.ts'

/** On kube-system: the default StorageClass was made once. Whoever deletes it does not want it back. */
const CLASS_MADE_ANNOTATION = 'davit.dev/default-storage-class'
const API_SLICE = { 'kubernetes.io/service-name': 'kubernetes' }

export interface BootstrapOptions {
  serviceCidr?: string
  dnsAddress?: string
  /** Port of the API server behind `default/kubernetes`. */
  apiPort?: number
}

/** Where an API server is reached. */
export interface ApiEndpoint {
  readonly address: string
  readonly port: number
}

export interface BootstrapResult {
  /** kube-system's uid: the cluster's identity for as long as it lives. */
  clusterId: string
  /** Makes these the endpoints of `default/kubernetes`; not empty. */
  publishEndpoints: (endpoints: readonly ApiEndpoint[]) => Promise<void>
}

/** Makes the namespaces, Services and classes every cluster begins with; idempotent. Rejects when `signal` aborts or storage fails. */
export async function bootstrap(
  registry: Registry,
  storage: Storage,
  signal: AbortSignal,
  { serviceCidr = NETWORKS.services, dnsAddress = NETWORKS.dns, apiPort = 6443 }: BootstrapOptions = {},
): Promise<BootstrapResult> {
  const context: RequestContext = { user: { name: 'system:apiserver', groups: [GROUPS.masters] }, signal }
  for (const name of [NAMESPACES.system, NAMESPACES.default, NAMESPACES.public, NAMESPACES.nodeLease]) {
    await ensure(registry, context, namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } as Namespace)
  }
  await ensure(registry, context, serviceKind, apiService(formatAddress(parseRange(serviceCidr).first + 1), apiPort))
  await ensure(registry, context, serviceKind, dnsService(dnsAddress))
  for (const priorityClass of SYSTEM_PRIORITY_CLASSES) await ensure(registry, context, priorityClassKind, priorityClass)
  await Promise.all([
    ...MANDATORY_PRIORITY_LEVELS.map(level => ensure(registry, context, priorityLevelConfigurationKind, level)),
    ...MANDATORY_FLOW_SCHEMAS.map(schema => ensure(registry, context, flowSchemaKind, schema)),
    ensureServiceCidr(registry, context, serviceCidr),
  ])
  await ensureStorageClass(registry, context)
  const system = await registry.get(context, erased(namespaceKind), { name: NAMESPACES.system })
  // Everything above is seen by whoever starts next in this process.
  await storage.reached(await storage.currentRevision(signal), signal)
  return {
    clusterId: system.object.metadata.uid ?? '',
    publishEndpoints: async endpoints => {
      const byPort = groupByPort(endpoints)
      await put(registry, context, endpointsKind, endpointsOf(byPort))
      const slices = [...byPort].map(([port, addresses], index) => endpointSliceOf(addresses, port, index === 0))
      for (const slice of slices) await put(registry, context, endpointSliceKind, slice)
      await removeOtherSlices(registry, context, slices)
    },
  }
}

/** Everything the registry does to a kind it learns from the kind itself. */
function erased<T extends KubernetesObject>(kind: Kind<T>): Kind {
  return kind as unknown as Kind
}

async function ensure<T extends KubernetesObject>(registry: Registry, context: RequestContext, kind: Kind<T>, object: T): Promise<void> {
  try {
    await registry.get(context, erased(kind), targetOf(object))
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
    await createUnlessThere(registry, context, kind, object)
  }
}

async function createUnlessThere<T extends KubernetesObject>(
  registry: Registry,
  context: RequestContext,
  kind: Kind<T>,
  object: T,
): Promise<void> {
  try {
    await registry.create(context, erased(kind), object.metadata.namespace, object)
  } catch (error) {
    if (isReason(error, 'AlreadyExists')) return
    // Another replica is making the same Service and has its address: it is there in a moment, or the next start finds it.
    if (isReason(error, 'Invalid') && (await exists(registry, context, kind, object))) return
    throw error
  }
}

async function exists<T extends KubernetesObject>(registry: Registry, context: RequestContext, kind: Kind<T>, object: T): Promise<boolean> {
  return registry.get(context, erased(kind), targetOf(object)).then(
    () => true,
    () => false,
  )
}

async function put<T extends KubernetesObject>(registry: Registry, context: RequestContext, kind: Kind<T>, object: T): Promise<void> {
  await ensure(registry, context, kind, object)
  await registry.update(context, erased(kind), targetOf(object), object)
}

/** Once in a cluster's life. The note comes second: who is killed between the two finds the class and adds it. */
async function ensureStorageClass(registry: Registry, context: RequestContext): Promise<void> {
  const target = { name: NAMESPACES.system }
  const { object } = await registry.get(context, erased(namespaceKind), target)
  const made = object.metadata.annotations?.[CLASS_MADE_ANNOTATION]
  if (made !== undefined) return
  const storageClass = localStorageClass()
  await ensure(registry, context, storageClassKind, storageClass)
  const body = { metadata: { annotations: { [CLASS_MADE_ANNOTATION]: storageClass.metadata.name } } }
  await registry.patch(context, erased(namespaceKind), target, { type: 'merge', body })
}

/** The range from which Services get their addresses, and that they do. Written again only by who was killed between the two. */
async function ensureServiceCidr(registry: Registry, context: RequestContext, cidr: string): Promise<void> {
  const type = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR' }
  const target = { name: 'kubernetes' }
  await ensure(registry, context, serviceCidrKind, { ...type, metadata: target, spec: { cidrs: [cidr] } })
  const object = (await registry.get(context, erased(serviceCidrKind), target)).object as ServiceCidr
  if (object.status?.conditions?.some(({ type }) => type === 'Ready')) return
  const { resourceVersion: _, ...metadata } = object.metadata
  const lastTransitionTime = metadata.creationTimestamp ?? ''
  const ready = {
    type: 'Ready',
    status: 'True' as const,
    reason: '',
    message: 'Kubernetes default Service CIDR is ready',
    lastTransitionTime,
  }
  await registry.update(context, erased(serviceCidrKind), target, { ...object, metadata, status: { conditions: [ready] } }, 'status')
}

/** A directory per claim, on the node of the first pod that uses it. */
function localStorageClass(): StorageClass {
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'local', annotations: { [DEFAULT_CLASS_ANNOTATION]: 'true' } },
    provisioner: VOLUMES.provisioner,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  }
}

function apiService(clusterIP: string, targetPort: number): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kubernetes', namespace: NAMESPACES.default, labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { type: 'ClusterIP', clusterIP, ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort }] },
  }
}

function dnsService(clusterIP: string): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kube-dns',
      namespace: NAMESPACES.system,
      labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53, targetPort: 53 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53, targetPort: 53 },
      ],
    },
  }
}

/** Ports in order, each with its addresses in order: whoever publishes the same replicas writes the same objects. */
function groupByPort(endpoints: readonly ApiEndpoint[]): Map<number, string[]> {
  const sorted = [...endpoints].sort((a, b) => a.port - b.port || (a.address < b.address ? -1 : 1))
  const byPort = new Map<number, string[]>()
  for (const { address, port } of sorted) {
    const addresses = byPort.get(port) ?? []
    byPort.set(port, addresses.includes(address) ? addresses : [...addresses, address])
  }
  return byPort
}

/** Slices of these names belong to the API server: the EndpointSlice controller leaves Services without selector alone. */
function endpointSliceOf(addresses: readonly string[], port: number, isFirst: boolean): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    // Replicas on one machine differ by port, which a slice has only one of.
    metadata: { name: isFirst ? 'kubernetes' : `kubernetes-${port}`, namespace: NAMESPACES.default, labels: API_SLICE },
    addressType: 'IPv4',
    endpoints: addresses.map(address => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', protocol: 'TCP', port }],
  }
}

/** Of ports that no replica has any more. */
async function removeOtherSlices(registry: Registry, context: RequestContext, wanted: readonly EndpointSlice[]): Promise<void> {
  const names = new Set(wanted.map(({ metadata }) => metadata.name))
  const parameters = { namespace: NAMESPACES.default, labelSelector: 'kubernetes.io/service-name=kubernetes', resourceVersion: '0' }
  const { items } = await registry.list(context, erased(endpointSliceKind), parameters)
  for (const { object } of items) {
    if (!names.has(object.metadata.name))
      await registry.delete(context, erased(endpointSliceKind), targetOf(object), {}).catch(ignoreMissing)
  }
}

function ignoreMissing(error: unknown): void {
  if (!isReason(error, 'NotFound')) throw error
}

function endpointsOf(byPort: ReadonlyMap<number, readonly string[]>): Endpoints {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    // The mirror of hand-made Endpoints must not make a second slice of these.
    metadata: { name: 'kubernetes', namespace: NAMESPACES.default, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [...byPort].map(([port, addresses]) => ({
      addresses: addresses.map(ip => ({ ip })),
      ports: [{ name: 'https', protocol: 'TCP' as const, port }],
    })),
  }
}
