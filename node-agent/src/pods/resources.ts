/** Requests and limits as cgroups and the OOM killer take them. Pure. */
import { type Container, isSidecar, type Pod, type PodQosClass, parseMilli, parseQuantity, podQosClass } from '@davit/api'
import type { HostConfig, LimitsUpdate } from '../docker/index.ts'

const CPU_PERIOD_US = 100_000
const SHARES = { min: 2, max: 262_144 }
/** What a limit of CPU comes to at least. */
const QUOTA_US_MIN = 1000
const OOM = { guaranteed: -997, bestEffort: 1000 }
/** Pods of this priority and above are the node's own. */
const NODE_CRITICAL_PRIORITY = 2_000_001_000

/** CPU and memory of a container; a limit stands in for a missing request. */
function containerResources({ resources = {} }: Pick<Container, 'resources'>): {
  requestMilli: number
  limitMilli: number
  requestBytes: number
  limitBytes: number
} {
  const { requests = {}, limits = {} } = resources
  const cpu = requests.cpu ?? limits.cpu
  const memory = requests.memory ?? limits.memory
  return {
    requestMilli: cpu === undefined ? 0 : parseMilli(cpu),
    limitMilli: limits.cpu === undefined ? 0 : parseMilli(limits.cpu),
    requestBytes: memory === undefined ? 0 : parseQuantity(memory),
    limitBytes: limits.memory === undefined ? 0 : Math.floor(parseQuantity(limits.memory)),
  }
}

/**
 * Guaranteed first, so that the kernel kills those who promised least. `leastOfMains`: of a sidecar the smallest request of the
 * containers it serves, which it must not die before.
 */
function oomScoreAdj(
  qos: PodQosClass,
  requestBytes: number,
  { memoryCapacityBytes, leastOfMains }: { memoryCapacityBytes: number; leastOfMains?: number },
): number {
  if (qos === 'Guaranteed') return OOM.guaranteed
  if (qos === 'BestEffort') return OOM.bestEffort
  const share = (bytes: number) => 1000 - Math.floor((1000 * bytes) / memoryCapacityBytes)
  const score = Math.min(share(requestBytes), leastOfMains === undefined ? Number.POSITIVE_INFINITY : share(leastOfMains))
  return Math.min(OOM.bestEffort - 1, Math.max(1000 + OOM.guaranteed, score))
}

function scoreOf(pod: Pod, container: Container, memoryCapacityBytes: number): number {
  if ((pod.spec.priority ?? 0) >= NODE_CRITICAL_PRIORITY) return OOM.guaranteed
  const isServing = pod.spec.initContainers?.some(({ name }) => name === container.name) && isSidecar(container)
  const mains = pod.spec.containers.map(main => containerResources(main).requestBytes)
  const { requestBytes } = containerResources(container)
  return oomScoreAdj(podQosClass(pod), requestBytes, { memoryCapacityBytes, ...(isServing && { leastOfMains: Math.min(...mains) }) })
}

/** What of a container's limits can be changed while it runs; what is left out is not limited. */
export function liveLimits(container: Pick<Container, 'resources'>): LimitsUpdate {
  const { requestMilli, limitMilli, limitBytes } = containerResources(container)
  return {
    CpuShares: Math.min(SHARES.max, Math.max(SHARES.min, Math.floor((requestMilli * 1024) / 1000))),
    ...(limitMilli > 0 && { CpuQuota: Math.max(QUOTA_US_MIN, Math.floor((limitMilli * CPU_PERIOD_US) / 1000)), CpuPeriod: CPU_PERIOD_US }),
    // No swap on top of the limit, as in Kubernetes.
    ...(limitBytes > 0 && { Memory: limitBytes, MemorySwap: limitBytes }),
  }
}

/** All limits of a container that is made. `maxPids` 0: as many processes as it likes. */
export function cgroupLimits(
  pod: Pod,
  container: Container,
  { memoryCapacityBytes, canRaiseLimits, maxPids }: { memoryCapacityBytes: number; canRaiseLimits: boolean; maxPids: number },
): LimitsUpdate & Pick<HostConfig, 'OomScoreAdj' | 'PidsLimit'> {
  const score = scoreOf(pod, container, memoryCapacityBytes)
  return {
    ...liveLimits(container),
    ...(maxPids > 0 && { PidsLimit: maxPids }),
    OomScoreAdj: canRaiseLimits ? score : Math.max(0, score),
  }
}
