/** Requests and limits as cgroups and the OOM killer take them. Pure. */
import { type Container, type PodQosClass, parseMilli, parseQuantity } from '@davit/api'
import type { HostConfig } from '../docker/index.ts'

const CPU_PERIOD_US = 100_000
const SHARES = { min: 2, max: 262_144 }

/** CPU and memory of a container; a limit stands in for a missing request. */
export function containerResources({ resources = {} }: Container): {
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

/** Guaranteed first, so that the kernel kills those who promised least. */
export function oomScoreAdj(qos: PodQosClass, requestBytes: number, memoryCapacityBytes: number): number {
  if (qos === 'Guaranteed') return -997
  if (qos === 'BestEffort') return 1000
  const score = 1000 - Math.floor((1000 * requestBytes) / memoryCapacityBytes)
  return Math.min(999, Math.max(3, score))
}

export function cgroupLimits(
  container: Container,
  { qos, node }: { qos: PodQosClass; node: { memoryCapacityBytes: number; canRaiseLimits: boolean } },
): Pick<HostConfig, 'CpuShares' | 'CpuQuota' | 'CpuPeriod' | 'Memory' | 'MemorySwap' | 'OomScoreAdj'> {
  const { requestMilli, limitMilli, requestBytes, limitBytes } = containerResources(container)
  const score = oomScoreAdj(qos, requestBytes, node.memoryCapacityBytes)
  return {
    CpuShares: Math.min(SHARES.max, Math.max(SHARES.min, Math.floor((requestMilli * 1024) / 1000))),
    ...(limitMilli > 0 && { CpuQuota: Math.max(1000, Math.floor((limitMilli * CPU_PERIOD_US) / 1000)), CpuPeriod: CPU_PERIOD_US }),
    // No swap on top of the limit, as in Kubernetes.
    ...(limitBytes > 0 && { Memory: limitBytes, MemorySwap: limitBytes }),
    OomScoreAdj: node.canRaiseLimits ? score : Math.max(0, score),
  }
}
