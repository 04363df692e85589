import { immutable, nonNegative } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, KubernetesObject, LabelSelector } from '../../meta.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, int32, int64, object, required } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { applyPodSpecDefaults, type PodTemplateSpec, podTemplateSchema } from '../core/pod.ts'
import { countColumns, templateColumns, templateScale, validateSelectorAndTemplate } from './templates.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/replica-set-v1/ */
export interface ReplicaSet extends KubernetesObject {
  spec: ReplicaSetSpec
  status?: ReplicaSetStatus
}

export interface ReplicaSetSpec {
  replicas?: number
  minReadySeconds?: number
  selector: LabelSelector
  template: PodTemplateSpec
}

export interface ReplicaSetStatus {
  replicas?: number
  fullyLabeledReplicas?: number
  readyReplicas?: number
  availableReplicas?: number
  terminatingReplicas?: number
  observedGeneration?: number
  conditions?: Condition[]
}

const specSchema = once(() =>
  object('ReplicaSetSpec', 'What a ReplicaSet is to be.', {
    replicas: int32('How many pods are wanted. Default 1.'),
    minReadySeconds: int32('Seconds a pod must be ready to count as available. Default 0.'),
    selector: required(
      field(labelSelectorSchema(), 'Which pods belong to it; it must select what the template makes. It cannot be changed.'),
    ),
    template: field(podTemplateSchema(), 'From which pods are made.'),
  }),
)

const statusSchema = once(() =>
  object('ReplicaSetStatus', 'How a ReplicaSet is.', {
    replicas: int32('How many pods there are.'),
    fullyLabeledReplicas: int32('How many of them have all labels of the template.'),
    readyReplicas: int32('How many of them are ready.'),
    availableReplicas: int32('How many of them have been ready for minReadySeconds.'),
    terminatingReplicas: int32('How many pods are about to end.'),
    observedGeneration: int64('Generation the status speaks of.'),
    conditions: conditionListSchema('ReplicaSetCondition', 'Aspects of the ReplicaSet, such as ReplicaFailure.'),
  }),
)

export const replicaSetKind = defineKind<ReplicaSet>({
  group: 'apps',
  version: 'v1',
  kind: 'ReplicaSet',
  plural: 'replicasets',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  description: 'Keeps a number of equal pods; usually made by a Deployment.',
  schema: () =>
    object('ReplicaSet', 'Keeps a number of equal pods.', {
      spec: field(specSchema(), 'What the ReplicaSet is to be.'),
      status: field(statusSchema(), 'How the ReplicaSet is.'),
    }),
  applyDefaults(replicaSet) {
    // The schema says what is missing.
    replicaSet.spec ??= {} as ReplicaSetSpec
    replicaSet.spec.replicas ??= 1
    if (replicaSet.spec.template?.spec) applyPodSpecDefaults(replicaSet.spec.template.spec)
    replicaSet.status ??= {}
    replicaSet.status.replicas ??= 0
  },
  validate: ({ spec, status }) => [
    ...nonNegative('spec.replicas', spec.replicas),
    ...nonNegative('spec.minReadySeconds', spec.minReadySeconds),
    ...validateSelectorAndTemplate(spec, 'ReplicaSet'),
    ...nonNegative('status.replicas', status?.replicas),
  ],
  validateUpdate: (replicaSet, old) => immutable('spec.selector', replicaSet.spec.selector, old.spec.selector),
  scale: templateScale(),
  columns: [nameColumn, ...countColumns(), ageColumn, ...templateColumns()],
})
