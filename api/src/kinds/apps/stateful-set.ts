import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, int32, int64, intOrString, list, object, oneOf, required, string } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { wholeObjectSchema } from '../../schema/whole-object.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { persistentVolumeClaimKind } from '../core/persistent-volume-claim.ts'
import { podTemplateSchema } from '../core/pod.ts'
import {
  applyStatefulSetDefaults,
  validateStatefulSet,
  validateStatefulSetStatus,
  validateStatefulSetUpdate,
} from './stateful-set-rules.ts'
import type { StatefulSet } from './stateful-set-types.ts'
import { containerColumns, readyColumn, templateScale } from './templates.ts'

const strategySchema = once(() =>
  object('StatefulSetUpdateStrategy', 'How pods are brought to a changed template.', {
    type: string(
      'RollingUpdate: one after the other, the highest number first. OnDelete: each when somebody deletes it. Default RollingUpdate.',
    ),
    rollingUpdate: field(
      object('RollingUpdateStatefulSetStrategy', 'How a rolling update goes.', {
        partition: int32('Pods with a number below this one stay as they are. Default 0.'),
        maxUnavailable: intOrString('How many pods may be missing at a time, as a number or a percentage rounded up. Default 1.'),
      }),
      'How it goes; only for RollingUpdate.',
    ),
  }),
)

const retentionSchema = once(() =>
  object('StatefulSetPersistentVolumeClaimRetentionPolicy', 'What becomes of claims made from the templates.', {
    whenDeleted: oneOf(['Delete', 'Retain'], 'When the StatefulSet is deleted. Default Retain.'),
    whenScaled: oneOf(['Delete', 'Retain'], 'Of pods that are too many when it gets smaller. Default Retain.'),
  }),
)

const specSchema = once(() =>
  object('StatefulSetSpec', 'What a StatefulSet is to be.', {
    replicas: int32('How many pods are wanted. Default 1.'),
    selector: required(
      field(labelSelectorSchema(), 'Which pods belong to it; it must select what the template makes. It cannot be changed.'),
    ),
    template: field(
      podTemplateSchema(),
      "From which pods are made; each has a number in its name, and claims of its own. The only restart policy is 'Always'.",
    ),
    volumeClaimTemplates: list(
      wholeObjectSchema(persistentVolumeClaimKind),
      'Claims that each pod gets; a container mounts one by its name. They cannot be changed.',
    ),
    serviceName: string('The headless Service that gives the pods their names in DNS. It cannot be changed.'),
    podManagementPolicy: string(
      'OrderedReady: pods are made one after the other, each once those before it are ready. Parallel: all at once. Default OrderedReady.',
    ),
    updateStrategy: field(strategySchema(), 'How pods are brought to a changed template.'),
    revisionHistoryLimit: int32('How many old revisions are kept for going back. Default 10.'),
    minReadySeconds: int32('Seconds a pod must be ready to count as available. Default 0.'),
    persistentVolumeClaimRetentionPolicy: field(retentionSchema(), 'What becomes of claims made from volumeClaimTemplates.'),
    ordinals: field(
      object('StatefulSetOrdinals', 'Which numbers pods have.', { start: int32('The first number. Default 0.') }),
      'Which numbers pods have.',
    ),
  }),
)

const statusSchema = once(() =>
  object('StatefulSetStatus', 'How a StatefulSet is.', {
    observedGeneration: int64('Generation the status speaks of.'),
    replicas: required(int32('How many pods there are.')),
    readyReplicas: int32('How many of them are ready.'),
    currentReplicas: int32('How many of them are of currentRevision.'),
    updatedReplicas: int32('How many of them are of updateRevision.'),
    currentRevision: string('The revision that pods had before the update.'),
    updateRevision: string('The revision of the present template.'),
    collisionCount: int32('Raised when the name of a new revision is taken; part of the hash in names.'),
    conditions: conditionListSchema('StatefulSetCondition', 'Aspects of the StatefulSet.'),
    availableReplicas: int32('How many pods have been ready for minReadySeconds.'),
  }),
)

export const statefulSetKind = defineKind<StatefulSet>({
  group: 'apps',
  version: 'v1',
  kind: 'StatefulSet',
  plural: 'statefulsets',
  shortNames: ['sts'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  // Pods are called after it, and their names are host names.
  nameRule: 'label',
  description: 'Keeps a number of pods that each have a name and storage of their own.',
  schema: () =>
    object('StatefulSet', 'Keeps pods that each have a name and storage of their own.', {
      spec: field(specSchema(), 'What the StatefulSet is to be.'),
      status: field(statusSchema(), 'How the StatefulSet is.'),
    }),
  applyDefaults: applyStatefulSetDefaults,
  validate: validateStatefulSet,
  validateUpdate: validateStatefulSetUpdate,
  validateStatus: validateStatefulSetStatus,
  scale: templateScale(),
  columns: [nameColumn, readyColumn(), ageColumn, ...containerColumns<StatefulSet>(({ spec }) => spec.template)],
})
