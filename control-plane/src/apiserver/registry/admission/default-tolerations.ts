import type { Pod, Toleration } from '@davit/api'
import { TAINTS } from '@davit/api'
import type { AdmissionRule } from './rule.ts'

/**
 * Pods leave a node that is not ready or unreachable after `seconds`, unless their manifest says otherwise. Kubernetes gives
 * 300 s; Davit tells a slow node from a lost one by its tunnel, so its default is far shorter (design decision 10).
 */
export function defaultTolerations(seconds: number): AdmissionRule {
  return {
    resources: ['pods'],
    admit({ object }) {
      const { spec } = object as Pod
      const missing = [TAINTS.notReady, TAINTS.unreachable].filter(
        taint => !spec.tolerations?.some(toleration => covers(toleration, taint)),
      )
      if (missing.length === 0) return
      const added = missing.map(key => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }) satisfies Toleration)
      spec.tolerations = [...(spec.tolerations ?? []), ...added]
    },
  }
}

function covers({ key, effect }: Toleration, taint: string): boolean {
  return (!key || key === taint) && (!effect || effect === 'NoExecute')
}
