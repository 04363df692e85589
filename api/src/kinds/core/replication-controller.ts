import { invalidValue, nonNegative, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, KubernetesObject } from '../../meta.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, int32, int64, object, required, stringMap } from '../../schema/fields.ts'
import { selectorFromMap } from '../../selectors/labels.ts'
import type { FieldError } from '../../status.ts'
import {
  containerColumns,
  countColumns,
  replicasScale,
  selectorColumn,
  validateCounts,
  validateLastingPods,
  validateSelected,
} from '../apps/templates.ts'
import { ageColumn, formatLabels, nameColumn } from '../columns.ts'
import { applyPodSpecDefaults, type PodTemplateSpec, podTemplateSchema, validatePodTemplate } from './pod.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/replication-controller-v1/ */
export interface ReplicationController extends KubernetesObject {
  spec: ReplicationControllerSpec
  status?: ReplicationControllerStatus
}

export interface ReplicationControllerSpec {
  replicas?: number
  minReadySeconds?: number
  selector?: Record<string, string>
  template?: PodTemplateSpec
}

export interface ReplicationControllerStatus {
  replicas?: number
  fullyLabeledReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  observedGeneration?: number
  conditions?: Condition[]
}

const specSchema = once(() =>
  object('ReplicationControllerSpec', 'What a ReplicationController is to be.', {
    replicas: int32('How many pods are wanted. Default 1.'),
    minReadySeconds: int32('Seconds a pod must be ready to count as available. Default 0.'),
    selector: stringMap("Labels of the pods that belong to it. Default: the template's."),
    template: field(podTemplateSchema(), "From which pods are made. The only restart policy is 'Always'."),
  }),
)

const statusSchema = once(() =>
  object('ReplicationControllerStatus', 'How a ReplicationController is.', {
    replicas: required(int32('How many pods there are.')),
    fullyLabeledReplicas: int32('How many of them have all labels of the template.'),
    readyReplicas: int32('How many of them are ready.'),
    availableReplicas: int32('How many of them have been ready for minReadySeconds.'),
    observedGeneration: int64('Generation the status speaks of.'),
    conditions: conditionListSchema('ReplicationControllerCondition', 'Aspects of it, such as ReplicaFailure.'),
  }),
)

export const replicationControllerKind = defineKind<ReplicationController>({
  group: '',
  version: 'v1',
  kind: 'ReplicationController',
  plural: 'replicationcontrollers',
  shortNames: ['rc'],
  categories: ['all'],
  namespaced: true,
  storagePrefix: 'controllers',
  subresources: ['status', 'scale'],
  description: 'Keeps a number of equal pods. Deployments do more.',
  schema: () =>
    object('ReplicationController', 'Keeps a number of equal pods.', {
      spec: field(specSchema(), 'What the ReplicationController is to be.'),
      status: field(statusSchema(), 'How the ReplicationController is.'),
    }),
  applyDefaults(controller) {
    controller.spec ??= {}
    const { spec, metadata } = controller
    spec.replicas ??= 1
    const labels = spec.template?.metadata?.labels
    if (labels) {
      if (isEmpty(spec.selector)) spec.selector = { ...labels }
      if (isEmpty(metadata.labels)) metadata.labels = { ...labels }
    }
    if (spec.template?.spec) applyPodSpecDefaults(spec.template.spec)
    controller.status ??= {}
    controller.status.replicas ??= 0
  },
  validate: ({ spec }) => [
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...(isEmpty(spec.selector) ? [requiredValue('spec.selector')] : []),
    ...nonNegative('spec.replicas', spec.replicas),
    ...validateTemplate(spec),
  ],
  validateStatus,
  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  scale: replicasScale(({ spec }) => selectorFromMap(spec.selector).toString()),
  columns: [
    nameColumn,
    ...countColumns(),
    ageColumn,
    ...containerColumns<ReplicationController>(({ spec }) => spec.template),
    selectorColumn<ReplicationController>(({ spec }) => formatLabels(spec.selector)),
  ],
})

function isEmpty(labels: Readonly<Record<string, string>> | undefined): boolean {
  return Object.keys(labels ?? {}).length === 0
}

function validateTemplate({ selector, template }: ReplicationControllerSpec): FieldError[] {
  if (!template) return [requiredValue('spec.template')]
  return [
    ...(isEmpty(selector) ? [] : validateSelected(template, selectorFromMap(selector))),
    ...validatePodTemplate(template, 'spec.template'),
    ...validateLastingPods(template, 'ReplicationController'),
  ]
}

const COUNTS = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'] as const

function validateStatus({ status = {} }: ReplicationController): FieldError[] {
  const errors = validateCounts(status, COUNTS)
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0 } = status
  for (const name of ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'] as const) {
    const count = status[name] ?? 0
    if (count > replicas) errors.push(invalidValue(`status.${name}`, count, 'cannot be greater than status.replicas'))
  }
  if (availableReplicas > readyReplicas) {
    errors.push(invalidValue('status.availableReplicas', availableReplicas, 'cannot be greater than readyReplicas'))
  }
  return errors
}
