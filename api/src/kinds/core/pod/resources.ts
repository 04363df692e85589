/** What a pod asks of its node. */
import type { Quantity } from '../../../meta.ts'
import { parseMilli, parseQuantity } from '../../../quantity.ts'
import type { Container, ResourceRequirements } from './container-types.ts'
import type { Pod, PodQosClass } from './types.ts'

/** Amounts that are set aside for a pod. */
export interface PodResources {
  milliCpu: number
  memoryBytes: number
  ephemeralStorageBytes: number
  /** All else by its name, such as `example.com/gpu`, in whole units. */
  extended: Record<string, number>
}

/**
 * What the scheduler counts for the pod: its containers and sidecars together, or the init container that needs most if
 * that is more, and the overhead. While a resize is under way it counts what is asked or what is still held, whichever is more; of
 * one that its node can never grant, what is held. Throws RangeError when a quantity is none, which a validated pod has not.
 */
export function podResourceRequests(pod: Pick<Pod, 'spec' | 'status'>): PodResources {
  const total = nothing()
  const held = heldRequests(pod)
  const requestsOf = ({ name, resources }: Container): PodResources => {
    const asked = resourcesOf(resources?.requests)
    const holds = held.byContainer.get(name)
    if (!holds) return asked
    if (held.isInfeasible) return { ...asked, milliCpu: holds.milliCpu, memoryBytes: holds.memoryBytes }
    raise(asked, { ...nothing(), milliCpu: holds.milliCpu, memoryBytes: holds.memoryBytes })
    return asked
  }
  for (const container of pod.spec.containers) add(total, requestsOf(container))

  // Init containers run one at a time, but beside every sidecar that stands before them.
  const sidecars = nothing()
  const peak = nothing()
  for (const container of pod.spec.initContainers ?? []) {
    const own = isSidecar(container) ? requestsOf(container) : resourcesOf(container.resources?.requests)
    if (isSidecar(container)) {
      add(sidecars, own)
      raise(peak, sidecars)
    } else {
      add(own, sidecars)
      raise(peak, own)
    }
  }
  add(total, sidecars)
  raise(total, peak)
  add(total, resourcesOf(pod.spec.overhead))
  return total
}

/** What the node has granted to each container, as it reports; other than what is asked only during a resize. */
function heldRequests({ status }: Pick<Pod, 'status'>): { byContainer: Map<string, PodResources>; isInfeasible: boolean } {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
  const byContainer = new Map<string, PodResources>()
  for (const { name, allocatedResources, resources } of all) {
    if (!allocatedResources && !resources?.requests) continue
    const holds = resourcesOf(allocatedResources)
    raise(holds, resourcesOf(resources?.requests))
    byContainer.set(name, holds)
  }
  const isInfeasible = status?.conditions?.some(({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible') ?? false
  return { byContainer, isInfeasible }
}

/** An init container that keeps running beside the others. */
export function isSidecar(container: Pick<Container, 'restartPolicy'>): boolean {
  return container.restartPolicy === 'Always'
}

/** How well the pod is treated when its node runs short. Throws RangeError as `podResourceRequests` does. */
export function podQosClass(pod: Pick<Pod, 'spec'>): PodQosClass {
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(container => qosAmounts(container.resources))
  if (containers.every(({ requests, limits }) => requests.every(isZero) && limits.every(isZero))) return 'BestEffort'
  const everyLimited = containers.every(({ limits }) => !limits.some(isZero))
  const equal = QOS_RESOURCES.every((_, i) => sumAt(containers, 'requests', i) === sumAt(containers, 'limits', i))
  return everyLimited && equal ? 'Guaranteed' : 'Burstable'
}

/** CPU and memory alone decide the class. */
const QOS_RESOURCES = ['cpu', 'memory'] as const

interface QosAmounts {
  requests: number[]
  limits: number[]
}

function qosAmounts(resources: ResourceRequirements | undefined): QosAmounts {
  const amounts = (list: Record<string, Quantity> | undefined) => QOS_RESOURCES.map(name => parseMilli(list?.[name] ?? 0))
  return { requests: amounts(resources?.requests), limits: amounts(resources?.limits) }
}

function sumAt(containers: readonly QosAmounts[], which: keyof QosAmounts, index: number): number {
  return containers.reduce((sum, amounts) => sum + (amounts[which][index] ?? 0), 0)
}

const isZero = (amount: number) => amount <= 0

const nothing = (): PodResources => ({ milliCpu: 0, memoryBytes: 0, ephemeralStorageBytes: 0, extended: {} })

function resourcesOf(list: Record<string, Quantity> | undefined): PodResources {
  const resources = nothing()
  for (const [name, quantity] of Object.entries(list ?? {})) {
    if (name === 'cpu') resources.milliCpu = parseMilli(quantity)
    else if (name === 'memory') resources.memoryBytes = parseQuantity(quantity)
    else if (name === 'ephemeral-storage') resources.ephemeralStorageBytes = parseQuantity(quantity)
    else resources.extended[name] = parseQuantity(quantity)
  }
  return resources
}

function add(total: PodResources, more: PodResources): void {
  combine(total, more, (a, b) => a + b)
}

function raise(total: PodResources, other: PodResources): void {
  combine(total, other, Math.max)
}

function combine(total: PodResources, other: PodResources, how: (a: number, b: number) => number): void {
  total.milliCpu = how(total.milliCpu, other.milliCpu)
  total.memoryBytes = how(total.memoryBytes, other.memoryBytes)
  total.ephemeralStorageBytes = how(total.ephemeralStorageBytes, other.ephemeralStorageBytes)
  for (const [name, amount] of Object.entries(other.extended)) total.extended[name] = how(total.extended[name] ?? 0, amount)
}
