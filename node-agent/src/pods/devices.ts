/** Devices a node has by name, such as `nvidia.com/gpu`: which of them are given to whom, and how Docker is asked for them. Pure. */
import { type Container, type Pod, parseQuantity } from '@davit/api'
import type { HostConfig } from '../docker/index.ts'
import type { GivenDevices } from './checkpoint.ts'
import { specContainers } from './containers.ts'

/** Ids of the devices of each name. */
export type NodeDevices = Readonly<Record<string, readonly string[]>>

/** How many of each of the node's devices a container asks for; a limit always equals its request. */
function askedDevices({ resources }: Container, devices: NodeDevices): [string, number][] {
  const { limits = {} } = resources ?? {}
  return Object.keys(devices).flatMap(name => {
    const quantity = limits[name]
    const count = quantity === undefined ? 0 : parseQuantity(quantity)
    return count > 0 ? [[name, count] as [string, number]] : []
  })
}

/**
 * Devices for all containers of a pod, none of which `taken` has. An init container that has ended leaves its devices to those that
 * come after it. Undefined when there are too few.
 */
export function giveDevices(pod: Pod, devices: NodeDevices, taken: readonly GivenDevices[]): GivenDevices | undefined {
  const elsewhere = keysOf(taken)
  const given: Record<string, Record<string, string[]>> = {}
  const lasting = new Set<string>()
  for (const { role, spec } of specContainers(pod)) {
    const own: Record<string, string[]> = {}
    for (const [name, count] of askedDevices(spec, devices)) {
      const free = (devices[name] ?? []).filter(id => !elsewhere.has(`${name} ${id}`) && !lasting.has(`${name} ${id}`))
      const chosen = free.slice(0, count)
      if (chosen.length < count) return undefined
      own[name] = chosen
      if (role !== 'init') for (const id of chosen) lasting.add(`${name} ${id}`)
    }
    if (Object.keys(own).length > 0) given[spec.name] = own
  }
  return given
}

/** One word for each device that was given. */
function keysOf(taken: readonly GivenDevices[]): ReadonlySet<string> {
  const lists = taken.flatMap(given => Object.values(given)).flatMap(byName => Object.entries(byName))
  return new Set(lists.flatMap(([name, ids]) => ids.map(id => `${name} ${id}`)))
}

/** Why the node cannot give the pod its devices, in Kubernetes' words. */
export function tooFewDevices(pod: Pod, devices: NodeDevices, taken: readonly GivenDevices[]): string {
  const elsewhere = keysOf(taken)
  const totals = new Map<string, number>()
  for (const { role, spec } of specContainers(pod))
    if (role !== 'init') for (const [name, count] of askedDevices(spec, devices)) totals.set(name, (totals.get(name) ?? 0) + count)
  for (const [name, requested] of totals) {
    const available = (devices[name] ?? []).filter(id => !elsewhere.has(`${name} ${id}`)).length
    if (requested > available)
      return `Allocate failed due to requested number of devices unavailable for ${name}. Requested: ${requested}, Available: ${available}, which is unexpected`
  }
  return 'Allocate failed due to requested number of devices unavailable, which is unexpected'
}

/** NVIDIA's devices through its own driver, which every Docker since 19.03 knows; all else by CDI, which needs Docker 25. */
export function deviceRequests(byName: Readonly<Record<string, readonly string[]>> = {}): Pick<HostConfig, 'DeviceRequests'> {
  const requests = Object.entries(byName).map(([name, ids]) =>
    name === 'nvidia.com/gpu'
      ? { Driver: 'nvidia', DeviceIDs: [...ids], Capabilities: [['gpu']] }
      : { Driver: 'cdi', DeviceIDs: ids.map(id => `${name}=${id}`), Capabilities: [] },
  )
  return requests.length > 0 ? { DeviceRequests: requests } : {}
}
