/** Node selectors, as node affinity of pods and volumes has them. */
import type { ObjectMeta } from '../meta.ts'

interface Requirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt'
  readonly values?: readonly string[]
}

interface Term {
  readonly matchExpressions?: readonly Requirement[]
  readonly matchFields?: readonly Requirement[]
}

interface WithMetadata {
  readonly metadata: ObjectMeta
}

/** Whether any of the terms holds of the node. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/ */
export function matchesNodeSelector({ nodeSelectorTerms }: { readonly nodeSelectorTerms: readonly Term[] }, node: WithMetadata): boolean {
  return nodeSelectorTerms.some(term => matchesNodeTerm(term, node))
}

/** A term holds when all its requirements do; an empty term matches nothing. */
export function matchesNodeTerm({ matchExpressions = [], matchFields = [] }: Term, { metadata }: WithMetadata): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false
  const labels = metadata.labels ?? {}
  const fields: Record<string, string | undefined> = { 'metadata.name': metadata.name }
  return matchExpressions.every(each => holds(each, labels[each.key])) && matchFields.every(each => holds(each, fields[each.key]))
}

function holds({ operator, values = [] }: Requirement, value: string | undefined): boolean {
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
