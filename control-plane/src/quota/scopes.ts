/** Which objects a quota with scopes is about. Pure. */
import {
  type Kind,
  type KubernetesObject,
  type Pod,
  type PodSpec,
  podQosClass,
  qualifiedResource,
  type ResourceQuotaSpec,
  type ScopedResourceSelectorRequirement,
} from '@davit/api'

/** Without scopes a quota is about everything, with them about pods for which all of them hold. */
export function isInScope(
  { scopes = [], scopeSelector }: Pick<ResourceQuotaSpec, 'scopes' | 'scopeSelector'>,
  kind: Pick<Kind, 'group' | 'plural'>,
  object: KubernetesObject,
): boolean {
  const requirements = [
    ...scopes.map((scopeName): ScopedResourceSelectorRequirement => ({ scopeName, operator: 'Exists' })),
    ...(scopeSelector?.matchExpressions ?? []),
  ]
  if (requirements.length === 0) return true
  return qualifiedResource(kind) === 'pods' && requirements.every(requirement => holds(requirement, object as Pod))
}

function holds({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement, { spec }: Pod): boolean {
  switch (scopeName) {
    case 'Terminating':
      return isTerminating(spec)
    case 'NotTerminating':
      return !isTerminating(spec)
    case 'BestEffort':
      return podQosClass({ spec }) === 'BestEffort'
    case 'NotBestEffort':
      return podQosClass({ spec }) !== 'BestEffort'
    case 'CrossNamespacePodAffinity':
      return reachesOtherNamespaces(spec)
    case 'PriorityClass':
      return isOfClass(spec.priorityClassName, operator, values)
    default:
      return false
  }
}

/** It was given a time to live. */
function isTerminating({ activeDeadlineSeconds }: PodSpec): boolean {
  return activeDeadlineSeconds !== undefined && activeDeadlineSeconds >= 0
}

function isOfClass(name: string | undefined, operator: string, values: readonly string[]): boolean {
  if (operator === 'Exists') return Boolean(name)
  if (operator === 'DoesNotExist') return !name
  const isOne = name !== undefined && values.includes(name)
  return operator === 'In' ? isOne : !isOne
}

function reachesOtherNamespaces({ affinity }: PodSpec): boolean {
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap(each => [
    ...(each?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(each?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ])
  return terms.some(term => (term?.namespaces?.length ?? 0) > 0 || term?.namespaceSelector !== undefined)
}
