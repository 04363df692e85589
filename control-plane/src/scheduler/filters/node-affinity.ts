import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from '@davit/api'
import { type Filter, PASS } from './filter.ts'

const REASON = ["node(s) didn't match Pod's node affinity/selector"]

/** `nodeSelector` and required node affinity. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
export const nodeAffinity: Filter = ({ pod }, { node }) => {
  const labels = node.metadata.labels ?? {}
  for (const [key, value] of Object.entries(pod.spec.nodeSelector ?? {})) if (labels[key] !== value) return REASON
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  if (!required) return PASS
  return required.nodeSelectorTerms.some(term => matchesTerm(term, node)) ? PASS : REASON
}

/** A term holds when all its requirements do; an empty term matches nothing. */
export function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, { metadata }: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const labels = metadata.labels ?? {}
  const fields: Record<string, string | undefined> = { 'metadata.name': metadata.name }
  return matchExpressions.every(each => holds(each, labels[each.key])) && matchFields.every(each => holds(each, fields[each.key]))
}

function holds({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    case 'Gt':
      return value !== undefined && Number(value) > Number(values[0])
    case 'Lt':
      return value !== undefined && Number(value) < Number(values[0])
    default:
      return false
  }
}
