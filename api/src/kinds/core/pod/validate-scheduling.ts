/** Rules of what says where a pod may run, in Kubernetes' words. */
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue } from '../../../field-errors.ts'
import { isDnsLabel, isDnsSubdomain, isLabelValue, isQualifiedName } from '../../../names.ts'
import { validateLabelSelector } from '../../../selectors/validate.ts'
import type { FieldError } from '../../../status.ts'
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from './scheduling-types.ts'

export function validateAffinity(affinity: Affinity | undefined, path: string): FieldError[] {
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity ?? {}
  const errors: FieldError[] = []
  if (nodeAffinity) {
    const at = `${path}.nodeAffinity`
    const needed = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
    if (needed) errors.push(...validateNodeSelector(needed, `${at}.requiredDuringSchedulingIgnoredDuringExecution`))
    for (const [i, { weight, preference }] of (nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
      const wish = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
      errors.push(...validateWeight(weight, wish), ...validateNodeSelectorTerm(preference ?? {}, `${wish}.preference`))
    }
  }
  return [
    ...errors,
    ...validatePodAffinity(podAffinity, `${path}.podAffinity`),
    ...validatePodAffinity(podAntiAffinity, `${path}.podAntiAffinity`),
  ]
}

export function validateNodeSelector({ nodeSelectorTerms = [] }: NodeSelector, path: string): FieldError[] {
  if (nodeSelectorTerms.length === 0) return [requiredValue(`${path}.nodeSelectorTerms`, 'must have at least one node selector term')]
  return nodeSelectorTerms.flatMap((term, i) => validateNodeSelectorTerm(term, `${path}.nodeSelectorTerms[${i}]`))
}

function validateNodeSelectorTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, path: string): FieldError[] {
  return [
    ...matchExpressions.flatMap((requirement, i) => validateNodeRequirement(requirement, `${path}.matchExpressions[${i}]`)),
    ...matchFields.flatMap((requirement, i) => validateFieldRequirement(requirement, `${path}.matchFields[${i}]`)),
  ]
}

function validateNodeRequirement({ key = '', operator, values = [] }: NodeSelectorRequirement, path: string): FieldError[] {
  return [...validateValues(operator, values, `${path}.values`), ...invalidIf(`${path}.key`, key, isQualifiedName(key))]
}

function validateValues(operator: NodeSelectorRequirement['operator'], values: readonly string[], field: string): FieldError[] {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0 ? [] : [requiredValue(field, "must be specified when `operator` is 'In' or 'NotIn'")]
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0 ? [] : [forbiddenField(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")]
    case 'Gt':
    case 'Lt':
      return values.length === 1 ? [] : [requiredValue(field, "must be specified single value when `operator` is 'Lt' or 'Gt'")]
    default:
      // An unknown operator is the schema's to refuse.
      return []
  }
}

/** Of the fields of a node only its name can be matched, and one name at a time. */
function validateFieldRequirement({ key = '', operator, values = [] }: NodeSelectorRequirement, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (operator !== 'In' && operator !== 'NotIn') errors.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'))
  else if (values.length !== 1) {
    errors.push(requiredValue(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"))
  }
  if (key !== 'metadata.name') return [...errors, invalidValue(`${path}.key`, key, 'not a valid field selector key')]
  return [...errors, ...values.flatMap((name, i) => invalidIf(`${path}.values[${i}]`, name, isDnsSubdomain(name)))]
}

function validateWeight(weight: number, path: string): FieldError[] {
  return weight >= 1 && weight <= 100 ? [] : [invalidValue(`${path}.weight`, weight, 'must be in the range 1-100')]
}

function validatePodAffinity(affinity: PodAffinity | undefined, path: string): FieldError[] {
  const needed = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []
  const wished = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  return [
    ...needed.flatMap((term, i) => validatePodAffinityTerm(term, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`)),
    ...wished.flatMap(({ weight, podAffinityTerm }, i) => {
      const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`
      return [...validateWeight(weight, at), ...validatePodAffinityTerm(podAffinityTerm ?? {}, `${at}.podAffinityTerm`)]
    }),
  ]
}

function validatePodAffinityTerm(term: Partial<PodAffinityTerm>, path: string): FieldError[] {
  return [
    ...validateLabelSelector(term.labelSelector, `${path}.labelSelector`),
    ...validateLabelSelector(term.namespaceSelector, `${path}.namespaceSelector`),
    ...(term.namespaces ?? []).flatMap((namespace, i) => invalidIf(`${path}.namespaces[${i}]`, namespace, isDnsLabel(namespace))),
    ...validateLabelKeys(term.matchLabelKeys, `${path}.matchLabelKeys`, term.labelSelector),
    ...validateLabelKeys(term.mismatchLabelKeys, `${path}.mismatchLabelKeys`, term.labelSelector),
    ...validateTopologyKey(term.topologyKey, `${path}.topologyKey`),
  ]
}

function validateTopologyKey(key: string | undefined, field: string): FieldError[] {
  return key ? invalidIf(field, key, isQualifiedName(key)) : [requiredValue(field, 'can not be empty')]
}

function validateLabelKeys(keys: readonly string[] | undefined, field: string, selector: PodAffinityTerm['labelSelector']): FieldError[] {
  if (!keys?.length) return []
  if (!selector) return [forbiddenField(field, 'must not be specified when labelSelector is not set')]
  return keys.flatMap((key, i) => invalidIf(`${field}[${i}]`, key, isQualifiedName(key)))
}

export function validateTolerations(tolerations: readonly Toleration[], path: string): FieldError[] {
  return tolerations.flatMap((toleration, i) => validateToleration(toleration, `${path}[${i}]`))
}

function validateToleration(toleration: Toleration, path: string): FieldError[] {
  const { key, operator, value = '', effect = '', tolerationSeconds } = toleration
  const errors: FieldError[] = []
  if (key) errors.push(...invalidIf(`${path}.key`, key, isQualifiedName(key)))
  else if (operator !== 'Exists') {
    const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
    errors.push(invalidValue(`${path}.operator`, operator ?? '', why))
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(invalidValue(`${path}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
  }
  if (operator === 'Exists') {
    if (value) errors.push(invalidValue(`${path}.operator`, toleration, "value must be empty when `operator` is 'Exists'"))
  } else errors.push(...invalidIf(`${path}.operator`, value, isLabelValue(value)))
  return errors
}

export function validateTopologySpread(constraints: readonly TopologySpreadConstraint[], path: string): FieldError[] {
  const seen = new Set<string>()
  return constraints.flatMap((constraint, i) => {
    const at = `${path}[${i}]`
    const { maxSkew, minDomains, topologyKey, whenUnsatisfiable } = constraint
    const errors = validateTopologyKey(topologyKey, `${at}.topologyKey`)
    if (!(maxSkew > 0)) errors.push(invalidValue(`${at}.maxSkew`, maxSkew ?? 0, 'must be greater than zero'))
    if (minDomains !== undefined && minDomains <= 0) errors.push(invalidValue(`${at}.minDomains`, minDomains, 'must be greater than zero'))
    if (minDomains !== undefined && whenUnsatisfiable === 'ScheduleAnyway') {
      const why = 'can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway'
      errors.push(invalidValue(`${at}.minDomains`, minDomains, why))
    }
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`
    if (seen.has(pair)) errors.push(duplicateValue(`${at}.{topologyKey, whenUnsatisfiable}`, pair))
    seen.add(pair)
    return [
      ...errors,
      ...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`),
      ...validateLabelKeys(constraint.matchLabelKeys, `${at}.matchLabelKeys`, constraint.labelSelector),
    ]
  })
}
