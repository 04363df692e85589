import { immutable, invalidValue, nonNegative, requiredValue } from '../../field-errors.ts'
import { defineKind, type PrinterColumn } from '../../kind.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, int32, int64, intOrString, object, oneOf, required } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { selectorFromLabelSelector } from '../../selectors/labels.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, formatLabels, nameColumn } from '../columns.ts'
import { applyPodSpecDefaults, podTemplateSchema, validatePodTemplate } from '../core/pod.ts'
import { isZeroAmount, validateAtMostAll, validateIntOrPercent } from '../int-or-percent.ts'
import type { DaemonSet, DaemonSetSpec, DaemonSetStatus, DaemonSetUpdateStrategy } from './daemon-set-types.ts'
import { templateColumns, validateCollisionCount, validateCounts, validateLastingPods, validateSelected } from './templates.ts'

const strategySchema = once(() =>
  object('DaemonSetUpdateStrategy', 'How pods are brought to a changed template.', {
    type: oneOf(
      ['OnDelete', 'RollingUpdate'],
      'RollingUpdate: step by step. OnDelete: each when somebody deletes it. Default RollingUpdate.',
    ),
    rollingUpdate: field(
      object('RollingUpdateDaemonSet', 'How large the steps of a rolling update are; one of both is 0.', {
        maxUnavailable: intOrString('On how many nodes the pod may be missing, as a number or a percentage rounded up. Default 1.'),
        maxSurge: intOrString('On how many nodes a new pod may run beside the old one, as a number or a percentage rounded up. Default 0.'),
      }),
      'How large the steps are; only for RollingUpdate.',
    ),
  }),
)

const specSchema = once(() =>
  object('DaemonSetSpec', 'What a DaemonSet is to be.', {
    selector: required(
      field(labelSelectorSchema(), 'Which pods belong to it; it must select what the template makes. It cannot be changed.'),
    ),
    template: field(
      podTemplateSchema(),
      "From which pods are made, one on each node that it can run on. The only restart policy is 'Always'.",
    ),
    updateStrategy: field(strategySchema(), 'How pods are brought to a changed template.'),
    minReadySeconds: int32('Seconds a pod must be ready to count as available. Default 0.'),
    revisionHistoryLimit: int32('How many old revisions are kept for going back. Default 10.'),
  }),
)

const statusSchema = once(() =>
  object('DaemonSetStatus', 'How a DaemonSet is.', {
    currentNumberScheduled: required(int32('How many nodes have the pod that should.')),
    numberMisscheduled: required(int32('How many nodes have the pod that should not.')),
    desiredNumberScheduled: required(int32('How many nodes should have the pod.')),
    numberReady: required(int32('On how many nodes it is ready.')),
    observedGeneration: int64('Generation the status speaks of.'),
    updatedNumberScheduled: int32('How many nodes have a pod of the present template.'),
    numberAvailable: int32('On how many nodes a pod has been ready for minReadySeconds.'),
    numberUnavailable: int32('On how many nodes none is available.'),
    collisionCount: int32('Raised when the name of a new revision is taken; part of the hash in names.'),
    conditions: conditionListSchema('DaemonSetCondition', 'Aspects of the DaemonSet.'),
  }),
)

/** What the status always says. */
const SHOWN = ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady'] as const
const COUNTS = [...SHOWN, 'observedGeneration', 'updatedNumberScheduled', 'numberAvailable', 'numberUnavailable', 'collisionCount'] as const

const count = (name: string, description: string, value: (status: DaemonSetStatus) => number | undefined): PrinterColumn<DaemonSet> => ({
  name,
  type: 'integer',
  description,
  value: ({ status = {} }) => value(status) ?? 0,
})

export const daemonSetKind = defineKind<DaemonSet>({
  group: 'apps',
  version: 'v1',
  kind: 'DaemonSet',
  plural: 'daemonsets',
  shortNames: ['ds'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status'],
  description: 'Keeps one pod on each node, or on each of some nodes.',
  schema: () =>
    object('DaemonSet', 'Keeps one pod on each node, or on each of some nodes.', {
      spec: field(specSchema(), 'What the DaemonSet is to be.'),
      status: field(statusSchema(), 'How the DaemonSet is.'),
    }),
  applyDefaults(daemonSet) {
    // The schema says what is missing.
    daemonSet.spec ??= {} as DaemonSetSpec
    const { spec } = daemonSet
    spec.revisionHistoryLimit ??= 10
    spec.updateStrategy ??= {}
    spec.updateStrategy.type ??= 'RollingUpdate'
    if (spec.updateStrategy.type === 'RollingUpdate') {
      spec.updateStrategy.rollingUpdate ??= {}
      spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1
      spec.updateStrategy.rollingUpdate.maxSurge ??= 0
    }
    if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec)
    daemonSet.status ??= {}
    for (const name of SHOWN) daemonSet.status[name] ??= 0
  },
  validate: ({ spec }) => [
    ...validateSelector(spec),
    ...validatePodTemplate(spec.template, 'spec.template'),
    ...validateLastingPods(spec.template, 'DaemonSet'),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateUpdateStrategy(spec.updateStrategy ?? {}),
    ...nonNegative('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
  ],
  validateUpdate: (daemonSet, old) => immutable('spec.selector', daemonSet.spec.selector, old.spec.selector),
  validateStatus: ({ status = {} }, old) => [...validateCounts(status, COUNTS), ...validateCollisionCount(status, old.status)],
  columns: [
    nameColumn,
    count('Desired', 'How many nodes should have the pod.', status => status.desiredNumberScheduled),
    count('Current', 'How many of them have it.', status => status.currentNumberScheduled),
    count('Ready', 'On how many nodes it is ready.', status => status.numberReady),
    count('Up-to-date', 'How many nodes have a pod of the present template.', status => status.updatedNumberScheduled),
    count('Available', 'On how many nodes a pod has been ready for minReadySeconds.', status => status.numberAvailable),
    {
      name: 'Node Selector',
      type: 'string',
      description: 'Labels of the nodes it runs on.',
      value: ({ spec }) => formatLabels(spec.template?.spec?.nodeSelector),
    },
    ageColumn,
    ...templateColumns(),
  ],
})

function validateSelector({ selector, template }: DaemonSetSpec): FieldError[] {
  const errors = validateLabelSelector(selector, 'spec.selector')
  if (errors.length > 0) return errors
  const compiled = selectorFromLabelSelector(selector)
  errors.push(...validateSelected(template, compiled))
  if (compiled.empty) errors.push(invalidValue('spec.selector', selector, 'empty selector is invalid for daemonset'))
  return errors
}

function validateUpdateStrategy({ type, rollingUpdate }: DaemonSetUpdateStrategy): FieldError[] {
  if (type !== 'RollingUpdate') return []
  const path = 'spec.updateStrategy.rollingUpdate'
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {}
  const errors = [
    ...validateIntOrPercent(`${path}.maxUnavailable`, maxUnavailable),
    ...validateIntOrPercent(`${path}.maxSurge`, maxSurge),
    ...validateAtMostAll(`${path}.maxUnavailable`, maxUnavailable),
    ...validateAtMostAll(`${path}.maxSurge`, maxSurge),
  ]
  const [noneMissing, noneMore] = [isZeroAmount(maxUnavailable), isZeroAmount(maxSurge)]
  if (!noneMissing && !noneMore) {
    errors.push(invalidValue(`${path}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'))
  }
  if (noneMissing && noneMore) errors.push(requiredValue(`${path}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'))
  return errors
}
