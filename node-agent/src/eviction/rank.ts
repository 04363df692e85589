/** Which pod goes first when a node is short, and what it is told: pure. */
import { formatQuantity, isStaticPod, type Pod, parseQuantity, podResourceRequests, type Quantity } from '@davit/api'
import { type ContainerUsage, ephemeralUsage, type PodUsage } from '../stats/index.ts'
import type { Shortage } from './plan.ts'
import { amountOf, RESOURCE_OF, shownAmount } from './thresholds.ts'

/** From here on a pod counts as the system's own. */
const CRITICAL_PRIORITY_MIN = 2_000_000_000

/** Static pods, and those of the system's own priorities: a node is of no use without them. */
export function isCritical(pod: Pod): boolean {
  return isStaticPod(pod) || (pod.spec.priority ?? 0) >= CRITICAL_PRIORITY_MIN
}

type Compare = (a: PodUsage, b: PodUsage) => number

/** Pods that may be evicted for the shortage, the first to go first. */
export function rankPods(pods: readonly PodUsage[], { threshold }: Shortage): PodUsage[] {
  const candidates = pods.filter(({ pod }) => !isCritical(pod))
  const resource = RESOURCE_OF[threshold.signal]
  const byPriority: Compare = ({ pod: a }, { pod: b }) => (a.spec.priority ?? 0) - (b.spec.priority ?? 0)
  const over = (of: (usage: PodUsage) => number): Compare[] => [
    (a, b) => Number(of(b) > 0) - Number(of(a) > 0),
    byPriority,
    (a, b) => of(b) - of(a),
  ]
  const order: Compare[] =
    resource === 'memory'
      ? over(usage => memoryBytes(usage) - podResourceRequests(usage.pod).memoryBytes)
      : resource === 'ephemeral-storage'
        ? over(usage => ephemeralUsage(usage).usedBytes - podResourceRequests(usage.pod).ephemeralStorageBytes)
        : resource === 'inodes'
          ? over(usage => ephemeralUsage(usage).inodesUsed)
          : [byPriority, (a, b) => b.processes - a.processes]
  return candidates.toSorted((a, b) => {
    for (const compare of order) {
      const difference = compare(a, b)
      if (difference !== 0) return difference
    }
    return 0
  })
}

function memoryBytes({ containers, volumes, pod }: PodUsage): number {
  const inMemory = volumes.filter(({ name }) => pod.spec.volumes?.find(volume => volume.name === name)?.emptyDir?.medium === 'Memory')
  return containers.reduce((sum, { group }) => sum + group.workingSetBytes, 0) + inMemory.reduce((sum, { usedBytes }) => sum + usedBytes, 0)
}

/** The words of the status and the Event; Kubernetes ends each sentence with a space. */
export function evictionMessage({ threshold, observation }: Shortage, { pod, containers }: PodUsage): string {
  const { signal, value } = threshold
  const resource = RESOURCE_OF[signal]
  const quantity = shownAmount(signal, amountOf(value, observation.capacity))
  const available = shownAmount(signal, observation.available)
  const low = `The node was low on resource: ${resource}. Threshold quantity: ${quantity}, available: ${available}. `
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return low
  const larger = containers.flatMap(usage => {
    const spec = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === usage.name)
    const request: Quantity = spec?.resources?.requests?.[resource] ?? 0
    const used = resource === 'memory' ? usage.group.workingSetBytes : writtenBytes(usage)
    if (used <= parseQuantity(request)) return []
    const shown = formatQuantity(used, 'BinarySI')
    return `Container ${usage.name} was using ${shown}, request is ${request}, has larger consumption of ${resource}. `
  })
  return low + larger.join('')
}

export function writtenBytes({ rootfs, logs }: Pick<ContainerUsage, 'rootfs' | 'logs'>): number {
  return (rootfs?.bytes ?? 0) + (logs?.bytes ?? 0)
}
