import { type Pod, podQosClass, TAINTS, tolerates } from '@davit/api'
import { isCritical } from './rank.ts'
import type { PressureCondition } from './thresholds.ts'

/** Why a pod that was just bound to this node may not start on it; undefined when it may. As Kubernetes' agents judge it. */
export function refusalUnderPressure(
  pod: Pod,
  conditions: ReadonlySet<PressureCondition>,
): { reason: string; message: string } | undefined {
  if (conditions.size === 0 || isCritical(pod)) return undefined
  if (conditions.size === 1 && conditions.has('MemoryPressure')) {
    const taint = { key: TAINTS.memoryPressure, effect: 'NoSchedule' } as const
    if (podQosClass(pod) !== 'BestEffort' || pod.spec.tolerations?.some(toleration => tolerates(toleration, taint))) return undefined
  }
  return { reason: 'Evicted', message: `The node had condition: [${[...conditions].join(' ')}]. ` }
}
