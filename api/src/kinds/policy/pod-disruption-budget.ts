import { invalidValue, nonNegative, unsupportedValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, IntOrString, KubernetesObject, LabelSelector, Time } from '../../meta.ts'
import { once } from '../../once.ts'
import { commonConditionListSchema } from '../../schema/conditions.ts'
import { field, int32, int64, intOrString, object, oneOf, required, timeMap } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateConditions } from '../conditions.ts'
import { validateAtMostAll, validateIntOrPercent } from '../int-or-percent.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/pod-disruption-budget-v1/ */
export interface PodDisruptionBudget extends KubernetesObject {
  spec: PodDisruptionBudgetSpec
  status?: PodDisruptionBudgetStatus
}

export interface PodDisruptionBudgetSpec {
  minAvailable?: IntOrString
  selector?: LabelSelector
  maxUnavailable?: IntOrString
  unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow'
}

export interface PodDisruptionBudgetStatus {
  observedGeneration?: number
  disruptedPods?: Record<string, Time>
  disruptionsAllowed?: number
  currentHealthy?: number
  desiredHealthy?: number
  expectedPods?: number
  conditions?: (Condition & { observedGeneration?: number })[]
}

const UNHEALTHY_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'] as const

const specSchema = once(() =>
  object('PodDisruptionBudgetSpec', 'What must be kept.', {
    minAvailable: intOrString('How many pods must stay available, as a number or a percentage. Not together with maxUnavailable.'),
    selector: field(labelSelectorSchema(), 'Which pods; an empty selector means all of the namespace.', { patchStrategy: 'replace' }),
    maxUnavailable: intOrString('How many pods may be missing, as a number or a percentage. Not together with minAvailable.'),
    unhealthyPodEvictionPolicy: oneOf(
      UNHEALTHY_POLICIES,
      'When pods that run and are not ready may be evicted: AlwaysAllow, or IfHealthyBudget, while enough others are. Default IfHealthyBudget.',
    ),
  }),
)

const statusSchema = once(() =>
  object('PodDisruptionBudgetStatus', 'How a PodDisruptionBudget is.', {
    observedGeneration: int64('Generation the status speaks of.'),
    disruptedPods: timeMap('Pods whose eviction was let through and has not been seen yet, and when.'),
    disruptionsAllowed: required(int32('How many pods may be evicted now.')),
    currentHealthy: required(int32('How many pods are healthy.')),
    desiredHealthy: required(int32('How many pods must be healthy.')),
    expectedPods: required(int32('How many pods are counted.')),
    conditions: commonConditionListSchema('Aspects of the budget: DisruptionAllowed.'),
  }),
)

const COUNTS = ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const

export const podDisruptionBudgetKind = defineKind<PodDisruptionBudget>({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  subresources: ['status'],
  description: 'How many of some pods may be taken away at a time.',
  schema: () =>
    object('PodDisruptionBudget', 'How many of some pods may be taken away at a time.', {
      spec: field(specSchema(), 'What must be kept.'),
      status: field(statusSchema(), 'How the budget is.'),
    }),
  applyDefaults(budget) {
    // It may be left out: then the budget is about no pods.
    budget.spec ??= {}
    budget.status ??= {}
    for (const name of COUNTS) budget.status[name] ??= 0
  },
  validate: validateBudget,
  validateStatus: ({ status = {} }) => [
    ...validateConditions(status.conditions ?? [], 'status.conditions'),
    ...COUNTS.flatMap(name => nonNegative(`status.${name}`, status[name])),
  ],
  columns: [
    nameColumn,
    {
      name: 'Min Available',
      type: 'string',
      description: 'How many pods must stay available.',
      value: ({ spec }) => String(spec.minAvailable ?? 'N/A'),
    },
    {
      name: 'Max Unavailable',
      type: 'string',
      description: 'How many pods may be missing.',
      value: ({ spec }) => String(spec.maxUnavailable ?? 'N/A'),
    },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      description: 'How many pods may be evicted now.',
      value: ({ status }) => status?.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
})

function validateBudget({ spec }: PodDisruptionBudget): FieldError[] {
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec
  const errors: FieldError[] = []
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'))
  }
  for (const [name, amount] of Object.entries({ minAvailable, maxUnavailable })) {
    if (amount === undefined) continue
    errors.push(...validateIntOrPercent(`spec.${name}`, amount), ...validateAtMostAll(`spec.${name}`, amount))
  }
  errors.push(...validateLabelSelector(selector, 'spec.selector'))
  if (policy !== undefined && !UNHEALTHY_POLICIES.includes(policy)) {
    errors.push(unsupportedValue('spec.unhealthyPodEvictionPolicy', policy, UNHEALTHY_POLICIES))
  }
  return errors
}
