import { immutable } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { boolean, field, int32, int64, intOrString, object, oneOf, required, time } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { podTemplateSchema } from '../core/pod.ts'
import { applyDeploymentDefaults, validateDeployment } from './deployment-rules.ts'
import type { Deployment } from './deployment-types.ts'
import { readyColumn, templateColumns, templateScale } from './templates.ts'

const strategySchema = once(() =>
  object('DeploymentStrategy', 'How new pods replace old ones.', {
    type: oneOf(['Recreate', 'RollingUpdate'], 'RollingUpdate: step by step. Recreate: all old ones end first. Default RollingUpdate.'),
    rollingUpdate: field(
      object('RollingUpdateDeployment', 'How large the steps of a rolling update are.', {
        maxUnavailable: intOrString(
          'How many pods may be missing during the update, as a number or a percentage rounded down. Default 25%.',
        ),
        maxSurge: intOrString('How many pods there may be above the wanted number, as a number or a percentage rounded up. Default 25%.'),
      }),
      'How large the steps are; only for RollingUpdate.',
    ),
  }),
)

const specSchema = once(() =>
  object('DeploymentSpec', 'What a Deployment is to be.', {
    replicas: int32('How many pods are wanted. Default 1.'),
    selector: required(
      field(labelSelectorSchema(), 'Which pods belong to it; it must select what the template makes. It cannot be changed.'),
    ),
    template: field(podTemplateSchema(), 'From which pods are made. A change starts a rollout.'),
    strategy: field(strategySchema(), 'How new pods replace old ones.', { patchStrategy: 'retainKeys' }),
    minReadySeconds: int32('Seconds a pod must be ready to count as available. Default 0.'),
    revisionHistoryLimit: int32('How many old ReplicaSets are kept for going back. Default 10.'),
    paused: boolean('Whether changes of the template wait.'),
    progressDeadlineSeconds: int32('Seconds without progress after which a rollout counts as failed. Default 600.'),
  }),
)

const statusSchema = once(() =>
  object('DeploymentStatus', 'How a Deployment is.', {
    observedGeneration: int64('Generation the status speaks of.'),
    replicas: int32('How many pods there are.'),
    updatedReplicas: int32('How many of them are of the present template.'),
    readyReplicas: int32('How many of them are ready.'),
    availableReplicas: int32('How many of them have been ready for minReadySeconds.'),
    unavailableReplicas: int32('How many are still missing.'),
    terminatingReplicas: int32('How many pods are about to end.'),
    collisionCount: int32('Raised when the name of a new ReplicaSet is taken; part of the hash in names.'),
    conditions: conditionListSchema('DeploymentCondition', 'Aspects of the Deployment: Available, Progressing, ReplicaFailure.', {
      lastUpdateTime: time('When the condition was last written.'),
    }),
  }),
)

export const deploymentKind = defineKind<Deployment>({
  group: 'apps',
  version: 'v1',
  kind: 'Deployment',
  plural: 'deployments',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  description: 'Keeps a number of equal pods and replaces them step by step when their template changes.',
  schema: () =>
    object('Deployment', 'Keeps a number of equal pods and replaces them step by step.', {
      spec: field(specSchema(), 'What the Deployment is to be.'),
      status: field(statusSchema(), 'How the Deployment is.'),
    }),
  applyDefaults: applyDeploymentDefaults,
  validate: validateDeployment,
  validateUpdate: (deployment, old) => immutable('spec.selector', deployment.spec.selector, old.spec.selector),
  scale: templateScale(),
  columns: [
    nameColumn,
    readyColumn(),
    {
      name: 'Up-to-date',
      type: 'string',
      description: 'How many pods are of the present template.',
      value: ({ status }) => String(status?.updatedReplicas ?? 0),
    },
    {
      name: 'Available',
      type: 'string',
      description: 'How many pods have been ready for minReadySeconds.',
      value: ({ status }) => String(status?.availableReplicas ?? 0),
    },
    ageColumn,
    ...templateColumns(),
  ],
})
