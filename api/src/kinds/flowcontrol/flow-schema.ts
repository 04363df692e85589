import { defineKind } from '../../kind.ts'
import { once } from '../../once.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { boolean, field, int32, list, object, required, string, strings } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateConditionTypes } from './conditions.ts'
import { validateFlowSchema } from './flow-schema-rules.ts'
import { FLOWCONTROL_GROUP, type FlowSchema } from './types.ts'

const PRECEDENCE = 1000

const set = (description: string) => required(strings(description, { listType: 'set' }))
const named = (component: string, what: string) =>
  field(object(component, `${what}, by name.`, { name: required(string('Its name; `*` is all.')) }), `${what}; only with that kind.`)

const rulesSchema = once(() =>
  object('PolicyRulesWithSubjects', 'Requests, by who asks and what for. All three must match.', {
    subjects: required(
      list(
        object('Subject', 'Who asks.', {
          kind: required(string('User, Group or ServiceAccount.')),
          user: named('UserSubject', 'A user'),
          group: named('GroupSubject', 'A group'),
          serviceAccount: field(
            object('ServiceAccountSubject', 'A ServiceAccount.', {
              namespace: required(string('Its namespace.')),
              name: required(string('Its name; `*` is all of the namespace.')),
            }),
            'A ServiceAccount; only with that kind.',
          ),
        }),
        'Who asks; one of them must match.',
      ),
    ),
    resourceRules: list(
      object('ResourcePolicyRule', 'Requests for resources.', {
        verbs: set('Verbs; `*` is all.'),
        apiGroups: set('API groups; `*` is all.'),
        resources: set('Resources; `*` is all.'),
        clusterScope: boolean('Whether requests without a namespace match.'),
        namespaces: strings('Namespaces; `*` is all.', { listType: 'set' }),
      }),
      'Requests for resources; one of these or of nonResourceRules must match.',
    ),
    nonResourceRules: list(
      object('NonResourcePolicyRule', 'Requests for paths that are no resources.', {
        verbs: set('Verbs; `*` is all.'),
        nonResourceURLs: set('Paths; a `*` may stand as the last step.'),
      }),
      'Requests for other paths.',
    ),
  }),
)

const specSchema = once(() =>
  object('FlowSchemaSpec', 'Which requests go to which priority level.', {
    priorityLevelConfiguration: required(
      field(
        object('PriorityLevelConfigurationReference', 'A priority level, by name.', { name: required(string('Name of the level.')) }),
        'Level the requests go to.',
      ),
    ),
    matchingPrecedence: int32('From 1 to 10000; of all that match a request the lowest takes it. Default 1000.'),
    distinguisherMethod: field(
      object('FlowDistinguisherMethod', 'What makes requests of one flow.', { type: required(string('ByUser or ByNamespace.')) }),
      'What makes requests of one flow, which share with others fairly; all are of one if absent.',
    ),
    rules: list(rulesSchema(), 'Requests that match; one of the rules must.'),
  }),
)

export const flowSchemaKind = defineKind<FlowSchema>({
  group: FLOWCONTROL_GROUP,
  version: 'v1',
  kind: 'FlowSchema',
  plural: 'flowschemas',
  namespaced: false,
  subresources: ['status'],
  description: 'Which requests go to which priority level.',
  schema: () =>
    object('FlowSchema', 'Which requests go to which priority level.', {
      spec: field(specSchema(), 'Which requests go to which priority level.'),
      status: field(
        object('FlowSchemaStatus', 'Whether it works.', {
          conditions: conditionListSchema('FlowSchemaCondition', 'Aspects of it: Dangling when its priority level is not there.'),
        }),
        'Whether it works.',
      ),
    }),
  applyDefaults(schema) {
    schema.spec ??= {}
    schema.spec.matchingPrecedence ||= PRECEDENCE
    schema.status ??= {}
  },
  validate: validateFlowSchema,
  validateStatus: ({ status }) => validateConditionTypes(status?.conditions),
  columns: [
    nameColumn,
    {
      name: 'PriorityLevel',
      type: 'string',
      description: 'Level the requests go to.',
      value: ({ spec }) => spec?.priorityLevelConfiguration?.name ?? '',
    },
    {
      name: 'MatchingPrecedence',
      type: 'string',
      description: 'Of all that match a request the lowest takes it.',
      value: ({ spec }) => spec?.matchingPrecedence,
    },
    {
      name: 'DistinguisherMethod',
      type: 'string',
      description: 'What makes requests of one flow.',
      value: ({ spec }) => spec?.distinguisherMethod?.type,
    },
    ageColumn,
    {
      name: 'MissingPL',
      type: 'string',
      description: 'Whether its priority level is not there.',
      value: ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    },
  ],
})
