/** The downward API: what a pod may know of itself, in variables and files. Pure. */
import { type Container, type ObjectFieldSelector, type Pod, parseMilli, parseQuantity, type ResourceFieldSelector } from '@davit/api'

export interface DownwardContext {
  readonly nodeName: string
  readonly hostIp: string
  readonly podIp: string
  /** What a container without a limit may use. */
  readonly allocatable: { milliCpu: number; memoryBytes: number; diskBytes?: number }
}

/** The value of a fieldRef; throws in Kubernetes' words when the path is not supported. */
export function fieldValue(pod: Pod, { fieldPath }: ObjectFieldSelector, context: DownwardContext): string {
  const keyed = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath)
  if (keyed) return pod.metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] ?? ''] ?? ''
  switch (fieldPath) {
    case 'metadata.name':
      return pod.metadata.name ?? ''
    case 'metadata.namespace':
      return pod.metadata.namespace ?? ''
    case 'metadata.uid':
      return pod.metadata.uid ?? ''
    case 'metadata.labels':
      return formatMap(pod.metadata.labels)
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations)
    case 'spec.nodeName':
      return context.nodeName
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? 'default'
    case 'status.hostIP':
    case 'status.hostIPs':
      return context.hostIp
    case 'status.podIP':
    case 'status.podIPs':
      return context.podIp
    default:
      throw new Error(`unsupported fieldPath: ${fieldPath}`)
  }
}

/** One `key="value"` a line, sorted by key, quoted as Go does. */
function formatMap(map: Record<string, string> = {}): string {
  return Object.keys(map)
    .sort()
    .map(key => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')
}

/** The value of a resourceFieldRef, divided by its divisor and rounded up. `own`: the container that asks, when none is named. */
export function resourceValue(
  pod: Pod,
  selector: ResourceFieldSelector,
  { own, context }: { own?: Container; context: DownwardContext },
): string {
  const { containerName, resource, divisor } = selector
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  const container = containerName ? all.find(({ name }) => name === containerName) : own
  if (!container) throw new Error(`container ${containerName ?? ''} not found`)
  const [which, name = ''] = resource.split('.')
  const set = which === 'limits' ? container.resources?.limits : which === 'requests' ? container.resources?.requests : undefined
  if (!set && which !== 'limits' && which !== 'requests') throw new Error(`unsupported container resource : ${resource}`)
  const quantity = set?.[name] ?? (which === 'requests' ? container.resources?.limits?.[name] : undefined)
  const divideBy = divisor === undefined || divisor === '0' || divisor === 0 ? '1' : divisor
  if (name === 'cpu') {
    const milli = quantity !== undefined ? parseMilli(quantity) : which === 'limits' ? context.allocatable.milliCpu : 0
    return String(Math.ceil(milli / parseMilli(divideBy)))
  }
  const { memoryBytes, diskBytes = 0 } = context.allocatable
  const unlimited = name === 'memory' ? memoryBytes : name === 'ephemeral-storage' ? diskBytes : 0
  const base = quantity !== undefined ? parseQuantity(quantity) : which === 'limits' ? unlimited : 0
  return String(Math.ceil(base / parseQuantity(divideBy)))
}
