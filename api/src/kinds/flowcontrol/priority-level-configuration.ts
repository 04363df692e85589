import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, int32, object, required, string } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateConditionTypes } from './conditions.ts'
import { applyPriorityLevelDefaults, validatePriorityLevel } from './priority-level-rules.ts'
import { FLOWCONTROL_GROUP, type PriorityLevelConfiguration } from './types.ts'

const limitedSchema = once(() =>
  object('LimitedPriorityLevelConfiguration', 'A level whose requests wait for their turn.', {
    nominalConcurrencyShares: int32('Share of all requests served at once, against the shares of the other levels. Default 30.'),
    limitResponse: field(
      object('LimitResponse', 'What becomes of requests that cannot be served at once.', {
        type: required(string('Queue: they wait. Reject: they are refused.')),
        queuing: field(
          object('QueuingConfiguration', 'How requests wait.', {
            queues: int32('Number of queues. Default 64.'),
            handSize: int32('Number of queues each flow may use. Default 8.'),
            queueLengthLimit: int32('Most requests that may wait in a queue. Default 50.'),
          }),
          'How requests wait; only with Queue.',
        ),
      }),
      'What becomes of requests that cannot be served at once.',
    ),
    lendablePercent: int32('How much of its share other levels may use, in percent. Default 0.'),
    borrowingLimitPercent: int32('How much it may use of the shares of others, in percent of its own; no limit if absent.'),
  }),
)

export const priorityLevelConfigurationKind = defineKind<PriorityLevelConfiguration>({
  group: FLOWCONTROL_GROUP,
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  plural: 'prioritylevelconfigurations',
  namespaced: false,
  subresources: ['status'],
  description: 'How many requests of a level are served at once, and what becomes of those above.',
  schema: () =>
    object('PriorityLevelConfiguration', 'How many requests of a level are served at once.', {
      spec: field(
        object('PriorityLevelConfigurationSpec', 'How many requests of a level are served at once.', {
          type: required(string('Limited, or Exempt for the one level without limits.')),
          limited: field(limitedSchema(), 'Limits of the level; only with Limited.'),
          exempt: field(
            object('ExemptPriorityLevelConfiguration', 'What a level without limits leaves to the others.', {
              nominalConcurrencyShares: int32('Share that is counted as its own. Default 0.'),
              lendablePercent: int32('How much of that share other levels may use, in percent. Default 0.'),
            }),
            'What the level leaves to the others; only with Exempt.',
          ),
        }),
        'How many requests of the level are served at once.',
      ),
      status: field(
        object('PriorityLevelConfigurationStatus', 'Whether it works.', {
          conditions: conditionListSchema('PriorityLevelConfigurationCondition', 'Aspects of the level.'),
        }),
        'Whether it works.',
      ),
    }),
  applyDefaults: applyPriorityLevelDefaults,
  validate: validatePriorityLevel,
  validateStatus: ({ status }) => validateConditionTypes(status?.conditions),
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'Whether requests are limited.', value: ({ spec }) => spec?.type ?? '' },
    {
      name: 'NominalConcurrencyShares',
      type: 'string',
      description: 'Share of all requests served at once.',
      value: ({ spec }) => spec?.limited?.nominalConcurrencyShares,
    },
    { name: 'Queues', type: 'string', description: 'Number of queues.', value: level => queuingOf(level)?.queues },
    { name: 'HandSize', type: 'string', description: 'Number of queues each flow may use.', value: level => queuingOf(level)?.handSize },
    {
      name: 'QueueLengthLimit',
      type: 'string',
      description: 'Most requests that may wait in a queue.',
      value: level => queuingOf(level)?.queueLengthLimit,
    },
    ageColumn,
  ],
})

function queuingOf({ spec }: PriorityLevelConfiguration) {
  return spec?.limited?.limitResponse?.queuing
}
