/**
 * CPU and memory of a running pod: what its spec asks, what this node has granted it, and what its containers really have. A change is
 * granted to the whole pod or not at all; then each container is brought there, by an update or a restart. Pure.
 */
import { type Container, type Pod, type PodResources, parseQuantity, podResourceRequests, type ResourceRequirements } from '@davit/api'
import type { ContainerInfo, LimitsUpdate } from '../docker/index.ts'
import type { Allocated, Checkpoint, ContainerRecord, PendingResize } from './checkpoint.ts'
import { specContainer } from './containers.ts'
import { liveLimits } from './resources.ts'

export interface NodeRoom {
  /** What pods may use in all. */
  readonly allocatable: Pick<PodResources, 'milliCpu' | 'memoryBytes'>
  /** What this node's other pods were granted; asked for only when the pod wants more than it has. */
  readonly others: () => Pick<PodResources, 'milliCpu' | 'memoryBytes'>
}

/** What is granted from now on, and why that is not what the spec asks. What was granted before stays when the change does not fit. */
export function grant(
  { pod, allocated }: Pick<Checkpoint, 'pod' | 'allocated'>,
  { allocatable, others }: NodeRoom,
): { allocated: Allocated; pending?: PendingResize } {
  const asked = resourcesOf(pod)
  // Other words for the same amounts are taken over at once, so that people see what they wrote.
  if (!allocated || isSameWorth(asked, allocated)) return { allocated: asked }
  const wanted = podResourceRequests({ spec: pod.spec })
  const held = podResourceRequests({ spec: withAllocated(pod, allocated).spec })
  for (const [name, key] of AMOUNTS) {
    const capacity = allocatable[key]
    if (wanted[key] <= held[key]) continue
    if (wanted[key] > capacity) {
      const message = `Node didn't have enough capacity: ${name}, requested: ${wanted[key]}, capacity: ${capacity}`
      return { allocated, pending: { reason: 'Infeasible', message } }
    }
    const used = others()[key]
    if (wanted[key] > capacity - used) {
      const message = `Node didn't have enough resource: ${name}, requested: ${wanted[key]}, used: ${used}, capacity: ${capacity}`
      return { allocated, pending: { reason: 'Deferred', message } }
    }
  }
  return { allocated: asked }
}

const AMOUNTS = [
  ['cpu', 'milliCpu'],
  ['memory', 'memoryBytes'],
] as const satisfies readonly (readonly [string, keyof PodResources])[]

/** The pod with what it was granted instead of what it asks: what containers are made from. */
export function withAllocated(pod: Pod, allocated: Allocated | undefined): Pod {
  if (!allocated) return pod
  const granted = (container: Container): Container => {
    const resources = allocated[container.name]
    return resources ? { ...container, resources } : container
  }
  const { initContainers, containers } = pod.spec
  return {
    ...pod,
    spec: { ...pod.spec, containers: containers.map(granted), ...(initContainers && { initContainers: initContainers.map(granted) }) },
  }
}

function resourcesOf({ spec }: Pod): Allocated {
  const all = [...(spec.initContainers ?? []), ...spec.containers]
  return Object.fromEntries(all.map(({ name, resources }) => [name, resources ?? {}]))
}

function isSameWorth(a: Allocated, b: Allocated): boolean {
  return Object.entries(a).every(([name, resources]) => worth(resources) === worth(b[name]))
}

function worth({ limits = {}, requests = {} }: ResourceRequirements = {}): string {
  return [limits.cpu, limits.memory, requests.cpu, requests.memory]
    .map(amount => (amount === undefined ? '' : parseQuantity(amount)))
    .join(' ')
}

/** Shares, quota and bytes in one word: the label of a container says what it was made with. */
export function limitsLabel({ resources }: Pick<Container, 'resources'>): string {
  const { CpuShares, CpuQuota = 0, Memory = 0 } = liveLimits({ ...(resources && { resources }) })
  return [CpuShares, CpuQuota, Memory].join(',')
}

/** What a running container has: what it was made with, or last changed to. Undefined of one made before such labels were. */
export function limitsInForce(record: ContainerRecord | undefined, info: ContainerInfo): string | undefined {
  return (record?.containerId === info.id ? record.updated : undefined) ?? info.limits
}

export type ResizeStep = { how: 'restart' } | { how: 'update'; limits: LimitsUpdate; label: string }

/** What brings a running container to what it was granted; undefined when it has that. */
export function resizeStep(container: Container, inForce: string | undefined): ResizeStep | undefined {
  const label = limitsLabel(container)
  if (inForce === undefined || inForce === label) return undefined
  const [now, wanted] = [inForce.split(','), label.split(',')]
  const restartsFor = (name: string) =>
    container.resizePolicy?.some(({ resourceName, restartPolicy }) => resourceName === name && restartPolicy === 'RestartContainer') ??
    false
  const isCpu = now[0] !== wanted[0] || now[1] !== wanted[1]
  if ((isCpu && restartsFor('cpu')) || (now[2] !== wanted[2] && restartsFor('memory'))) return { how: 'restart' }
  return { how: 'update', limits: liveLimits(container), label }
}

/** What brings a running container's limits to what the pod was granted; undefined when it has that. */
export function resizeOf({ pod, records, allocated }: Checkpoint, info: ContainerInfo): ResizeStep | undefined {
  const found = specContainer(pod, info.container)
  const resources = allocated?.[info.container]
  if (info.state !== 'running' || !resources || !found || found.role === 'init') return undefined
  return resizeStep({ ...found.spec, resources }, limitsInForce(records[info.container], info))
}

/** What a container's status says it has: in the words of what was granted once it is in force, else as its cgroup has it. */
export function shownResources(granted: ResourceRequirements, inForce: string | undefined): ResourceRequirements {
  if (inForce === undefined || inForce === limitsLabel({ resources: granted })) return granted
  const [shares = 0, quota = 0, memory = 0] = inForce.split(',').map(Number)
  const limits = {
    ...granted.limits,
    ...(quota > 0 && granted.limits?.cpu !== undefined && { cpu: `${Math.ceil(quota / 100)}m` }),
    ...(memory > 0 && granted.limits?.memory !== undefined && { memory: String(memory) }),
  }
  const requests = { ...granted.requests, ...(granted.requests?.cpu !== undefined && { cpu: `${Math.ceil((shares * 1000) / 1024)}m` }) }
  return { ...granted, ...(granted.limits && { limits }), ...(granted.requests && { requests }) }
}
