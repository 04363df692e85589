import type { NodeSelectorTerm, PersistentVolume } from '@davit/api'

/** True when the volume may be used on a node of that name and those labels. Pure. */
export function servesNode(
  volume: PersistentVolume,
  { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
): boolean {
  const terms = volume.spec.nodeAffinity?.required?.nodeSelectorTerms
  if (!terms) return true
  return terms.some(term => matches(term, { name, labels }))
}

/** All of its requirements; a term without any matches nothing, as in Kubernetes. */
function matches(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false
  return (
    matchExpressions.every(({ key, operator, values = [] }) => holds(labels[key], operator, values)) &&
    matchFields.every(({ key, operator, values = [] }) => holds(key === 'metadata.name' ? name : undefined, operator, values))
  )
}

function holds(value: string | undefined, operator: string, values: readonly string[]): boolean {
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
