import { isNodeReady, type Pod, TAINTS, type Taint, tolerates } from '@davit/api'
import { type Filter, PASS } from './filter.ts'

/** Taints of the node that keep pods off must be tolerated. A node that is not Ready counts as tainted before the taint is written. */
export const taintToleration: Filter = ({ pod }, { node }) => {
  const taints = node.spec?.taints ?? []
  const implied: Taint[] = isNodeReady(node) ? [] : [{ key: TAINTS.notReady, effect: 'NoSchedule' }]
  for (const taint of [...taints, ...implied]) {
    if (taint.effect === 'PreferNoSchedule' || taint.key === TAINTS.unschedulable || isTolerated(pod, taint)) continue
    return [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`]
  }
  return PASS
}

export function isTolerated(pod: Pod, taint: Taint): boolean {
  return (pod.spec.tolerations ?? []).some(toleration => tolerates(toleration, taint))
}
