import { matchesNodeSelector } from '@davit/api'
import { type Filter, PASS } from './filter.ts'

const REASON = ["node(s) didn't match Pod's node affinity/selector"]

/** `nodeSelector` and required node affinity. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
export const nodeAffinity: Filter = ({ pod }, { node }) => {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (labels[key] !== value) return REASON
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (!required) return PASS
  return matchesNodeSelector(required, node) ? PASS : REASON
}
