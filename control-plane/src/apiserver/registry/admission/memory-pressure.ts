import { type Pod, podQosClass, TAINTS } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/** Pods that promise what they need may go to a node that is short of memory: those that promise nothing are the first to be evicted there. */
export function memoryPressureToleration(): AdmissionRule {
  return {
    resources: ['pods'],
    admit({ object }) {
      const { spec } = object as Pod
      const isTolerated = spec.tolerations?.some(
        ({ key, effect }) => (!key || key === TAINTS.memoryPressure) && (!effect || effect === 'NoSchedule'),
      )
      if (isTolerated || podQosClass({ spec }) === 'BestEffort') return
      spec.tolerations = [...(spec.tolerations ?? []), { key: TAINTS.memoryPressure, operator: 'Exists', effect: 'NoSchedule' }]
    },
  }
}
