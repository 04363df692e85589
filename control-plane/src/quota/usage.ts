/** What one object takes of a namespace's quotas, by the names quotas have for it. Pure. */
import {
  isPodFinished,
  type Kind,
  type KubernetesObject,
  type PersistentVolumeClaim,
  type Pod,
  type Quantity,
  qualifiedResource,
  type Service,
} from '@davit/api'
import { type Amounts, type PodAmounts, podAmounts } from './pod-amounts.ts'

/** Objects that are counted by their plain names, too. */
const BY_NAME: ReadonlySet<string> = new Set(['configmaps', 'replicationcontrollers', 'resourcequotas', 'secrets'])
const CLASS_INFIX = '.storageclass.storage.k8s.io/'
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'
const COMPUTE: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage'])

type Counted = Pick<Kind, 'group' | 'plural'>

/** Everything that can be counted of the object, whether a quota names it or not. Throws RangeError when a quantity is none. */
export function usageOf(kind: Counted, object: KubernetesObject): Amounts {
  const resource = qualifiedResource(kind)
  const count = { [`count/${resource}`]: '1' }
  if (resource === 'pods') return { ...count, ...ofPod(object as Pod) }
  if (resource === 'services') return { ...count, ...ofService(object as Service) }
  if (resource === 'persistentvolumeclaims') return { ...count, ...ofClaim(object as PersistentVolumeClaim) }
  return BY_NAME.has(resource) ? { ...count, [resource]: '1' } : count
}

/** Whether objects of the kind may count under `name`. */
export function isCountedBy(kind: Counted, name: string): boolean {
  const resource = qualifiedResource(kind)
  if (name === `count/${resource}` || name === resource) return name !== resource || isPlain(resource)
  if (resource === 'services') return name === 'services.nodeports' || name === 'services.loadbalancers'
  if (resource === 'persistentvolumeclaims') return name === 'requests.storage' || name.includes(CLASS_INFIX)
  return resource === 'pods' && isComputeName(name)
}

function isPlain(resource: string): boolean {
  return BY_NAME.has(resource) || ['pods', 'services', 'persistentvolumeclaims'].includes(resource)
}

function isComputeName(name: string): boolean {
  if (COMPUTE.has(name) || isHugePages(name)) return true
  const [list, resource] = split(name)
  if (list === 'limits') return COMPUTE.has(resource)
  return list === 'requests' && (COMPUTE.has(resource) || isHugePages(resource) || isExtended(resource))
}

function split(name: string): [list: string, resource: string] {
  const dot = name.indexOf('.')
  return [name.slice(0, dot), name.slice(dot + 1)]
}

function isHugePages(resource: string): boolean {
  return resource.startsWith('hugepages-')
}

/** Devices and the like: somebody's own names. */
function isExtended(resource: string): boolean {
  return resource.includes('/') && !resource.includes('kubernetes.io/')
}

/** A pod that has ended needs nothing of its node: only the object itself still counts. */
function ofPod(pod: Pod): Amounts {
  if (isPodFinished(pod)) return {}
  return { pods: '1', ...computeUsage(podAmounts(pod.spec, { overhead: true })) }
}

/** Requests and limits under the names that quotas have for them. */
export function computeUsage({ requests, limits }: PodAmounts): Amounts {
  const usage: Record<string, Quantity> = {}
  for (const [name, amount] of Object.entries(requests)) {
    const isShort = COMPUTE.has(name) || isHugePages(name)
    if (isShort) usage[name] = amount
    if (isShort || isExtended(name)) usage[`requests.${name}`] = amount
  }
  for (const [name, amount] of Object.entries(limits)) if (COMPUTE.has(name)) usage[`limits.${name}`] = amount
  return usage
}

function ofService({ spec }: Service): Amounts {
  const ports = spec.ports ?? []
  const usage: Record<string, Quantity> = { services: '1' }
  if (spec.type === 'NodePort') usage['services.nodeports'] = String(ports.length)
  if (spec.type === 'LoadBalancer') {
    usage['services.loadbalancers'] = '1'
    const taken = spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort) : ports
    usage['services.nodeports'] = String(taken.length)
  }
  return usage
}

function ofClaim({ metadata, spec }: PersistentVolumeClaim): Amounts {
  const className = metadata.annotations?.[CLASS_ANNOTATION] ?? spec.storageClassName
  const storage = spec.resources?.requests?.storage
  return {
    persistentvolumeclaims: '1',
    ...(className && { [`${className}${CLASS_INFIX}persistentvolumeclaims`]: '1' }),
    ...(storage !== undefined && { 'requests.storage': storage }),
    ...(className && storage !== undefined && { [`${className}${CLASS_INFIX}requests.storage`]: storage }),
  }
}
