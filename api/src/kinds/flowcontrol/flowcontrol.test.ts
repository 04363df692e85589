import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, complaints, statusComplaints, stored } from '../testing.ts'
import { flowSchemaKind } from './flow-schema.ts'
import { MANDATORY_FLOW_SCHEMAS, MANDATORY_PRIORITY_LEVELS } from './mandatory.ts'
import { priorityLevelConfigurationKind } from './priority-level-configuration.ts'

const LEVEL = { priorityLevelConfiguration: { name: 'low' } }
const ANN = { kind: 'User', user: { name: 'ann' } }
const RESOURCES = { verbs: ['get'], apiGroups: [''], resources: ['pods'], namespaces: ['default'] }
const withRules = (rule: object) => ({ ...LEVEL, rules: [{ subjects: [ANN], resourceRules: [RESOURCES], ...rule }] })
const withSubject = (subject: object) => withRules({ subjects: [subject] })
const withResources = (more: object) => withRules({ resourceRules: [{ ...RESOURCES, ...more }] })
const withPaths = (...nonResourceURLs: string[]) => withRules({ nonResourceRules: [{ verbs: ['*'], nonResourceURLs }] })
const VERBS = '"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"'
const AT = 'spec.rules[0]'

const SCHEMAS: readonly [spec: object, complaints: string[]][] = [
  [LEVEL, []],
  [withRules({}), []],
  [withSubject({ kind: 'ServiceAccount', serviceAccount: { namespace: 'a', name: '*' } }), []],
  [withResources({ namespaces: [], clusterScope: true }), []],
  [withPaths('/', '/healthz', '/a/*'), []],
  [withPaths('*'), []],
  [
    {},
    [
      'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
      'spec.priorityLevelConfiguration: Required value',
    ],
  ],
  [{ ...LEVEL, matchingPrecedence: -1 }, ['spec.matchingPrecedence: Invalid value: -1: must be a positive value']],
  [{ ...LEVEL, matchingPrecedence: 10001 }, ['spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000']],
  [
    { ...LEVEL, matchingPrecedence: 1 },
    ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
  ],
  [
    { ...LEVEL, distinguisherMethod: { type: 'ByMood' } },
    ['spec.distinguisherMethod.type: Unsupported value: "ByMood": supported values: "ByNamespace", "ByUser"'],
  ],
  [withRules({ subjects: [] }), [`${AT}.subjects: Required value: subjects must contain at least one value`]],
  [withRules({ resourceRules: [] }), [`${AT}: Required value: at least one of resourceRules and nonResourceRules has to be non-empty`]],
  [withSubject({ kind: 'X' }), [`${AT}.subjects[0].kind: Unsupported value: "X": supported values: "Group", "ServiceAccount", "User"`]],
  [withSubject({ kind: 'User' }), [`${AT}.subjects[0].user: Required value: user is required when subject kind is 'User'`]],
  [withSubject({ kind: 'Group', group: {} }), [`${AT}.subjects[0].group.name: Required value`]],
  [
    withSubject({ kind: 'Group', group: { name: 'a' }, user: { name: 'b' } }),
    [`${AT}.subjects[0].user: Forbidden: user is forbidden when subject kind is not 'User'`],
  ],
  [
    withSubject({ kind: 'ServiceAccount', serviceAccount: { name: 'a' } }),
    [`${AT}.subjects[0].serviceAccount.namespace: Required value: must specify namespace for service account`],
  ],
  [withResources({ verbs: [] }), [`${AT}.resourceRules[0].verbs: Required value: verbs must contain at least one value`]],
  [
    withResources({ verbs: ['*', 'get'] }),
    [`${AT}.resourceRules[0].verbs: Invalid value: ["*","get"]: if '*' is present, must not specify other verbs`],
  ],
  [withResources({ verbs: ['fly'] }), [`${AT}.resourceRules[0].verbs: Unsupported value: ["fly"]: supported values: ${VERBS}`]],
  [
    withResources({ apiGroups: [], resources: [] }),
    [
      `${AT}.resourceRules[0].apiGroups: Required value: resource rules must supply at least one api group`,
      `${AT}.resourceRules[0].resources: Required value: resource rules must supply at least one resource`,
    ],
  ],
  [
    withResources({ apiGroups: ['*', ''], resources: ['*', 'a'], namespaces: ['*', 'a'] }),
    [
      `${AT}.resourceRules[0].apiGroups: Invalid value: ["*",""]: if '*' is present, must not specify other api groups`,
      `${AT}.resourceRules[0].resources: Invalid value: ["*","a"]: if '*' is present, must not specify other resources`,
      `${AT}.resourceRules[0].namespaces: Invalid value: ["*","a"]: if '*' is present, must not specify other namespaces`,
    ],
  ],
  [
    withResources({ namespaces: [] }),
    [`${AT}.resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace`],
  ],
  [
    withResources({ namespaces: ['a.b'] }),
    [
      `${AT}.resourceRules[0].namespaces[0]: Invalid value: "a.b": each member of this list must be '*' or a DNS-1123 label; must not contain dots`,
    ],
  ],
  [withPaths(), [`${AT}.nonResourceRules[0].nonResourceURLs: Required value: nonResourceURLs must contain at least one value`]],
  [
    withPaths('*', '/a'),
    [`${AT}.nonResourceRules[0].nonResourceURLs: Invalid value: ["*","/a"]: if '*' is present, must not specify other non-resource URLs`],
  ],
  ...(
    [
      ['', 'must not be empty'],
      ['a', 'must start with slash'],
      ['/a b', 'must not contain white-space'],
      ['/a//b', 'must not contain double slash'],
      ['/a*', 'wildcard can only do suffix matching'],
      ['/*/*', 'wildcard can only do suffix matching'],
    ] as const
  ).map(([path, why]): [object, string[]] => [
    withPaths(path),
    [`${AT}.nonResourceRules[0].nonResourceURLs[0]: Invalid value: "${path}": ${why}`],
  ]),
]

for (const [spec, wanted] of SCHEMAS) {
  test(`FlowSchema ${JSON.stringify(spec).slice(0, 110)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(flowSchemaKind, { spec }), wanted)
  })
}

const REJECT = { limitResponse: { type: 'Reject' } }
const limited = (more: object) => ({ type: 'Limited', limited: { ...REJECT, ...more } })
const queued = (queuing: object) => limited({ limitResponse: { type: 'Queue', queuing } })
const QUEUING = 'spec.limited.limitResponse.queuing'

const LEVELS: readonly [spec: object, complaints: string[]][] = [
  [limited({ borrowingLimitPercent: 200 }), []],
  [queued({}), []],
  [{ type: 'Exempt' }, [`spec.type: Invalid value: "Exempt": type must be 'Exempt' if and only if name is 'exempt'`]],
  [{ type: 'Other' }, ['spec.type: Unsupported value: "Other": supported values: "Exempt", "Limited"']],
  [{ type: 'Limited' }, ['spec.limited: Required value: must not be empty when type is Limited']],
  [{ ...limited({}), exempt: {} }, ['spec.exempt: Forbidden: must be nil if the type is Limited']],
  [
    limited({ nominalConcurrencyShares: -1, lendablePercent: 101, borrowingLimitPercent: -1 }),
    [
      'spec.limited.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer',
      'spec.limited.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive',
      'spec.limited.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer',
    ],
  ],
  [
    limited({ limitResponse: { type: 'Reject', queuing: {} } }),
    [`${QUEUING}: Forbidden: must be nil if limited.limitResponse.type is not Limited`],
  ],
  [
    limited({ limitResponse: { type: 'Queue' } }),
    [`${QUEUING}: Required value: must not be empty if limited.limitResponse.type is Limited`],
  ],
  [
    limited({ limitResponse: { type: 'Wait' } }),
    ['spec.limited.limitResponse.type: Unsupported value: "Wait": supported values: "Queue", "Reject"'],
  ],
  [
    queued({ queueLengthLimit: -1, queues: -1, handSize: -1 }),
    ['queueLengthLimit', 'queues', 'handSize'].map(name => `${QUEUING}.${name}: Invalid value: -1: must be positive`),
  ],
  [queued({ queues: 10_000_001, handSize: 1 }), [`${QUEUING}.queues: Invalid value: 10000001: must not be greater than 10000000`]],
  [queued({ queues: 4, handSize: 5 }), [`${QUEUING}.handSize: Invalid value: 5: should not be greater than queues (4)`]],
  [queued({ queues: 128, handSize: 8 }), []],
  [
    queued({ queues: 512, handSize: 8 }),
    [`${QUEUING}.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60`],
  ],
]

for (const [spec, wanted] of LEVELS) {
  test(`PriorityLevelConfiguration ${JSON.stringify(spec)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(priorityLevelConfigurationKind, { spec }), wanted)
  })
}

test('flows and levels get the defaults of Kubernetes', () => {
  assert.equal(stored(flowSchemaKind, { spec: LEVEL }).spec?.matchingPrecedence, 1000)
  const { limited: level } = stored(priorityLevelConfigurationKind, { spec: queued({}) }).spec ?? {}
  assert.deepEqual(level, {
    nominalConcurrencyShares: 30,
    lendablePercent: 0,
    limitResponse: { type: 'Queue', queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
  })
  const exempt = stored(priorityLevelConfigurationKind, { spec: { type: 'Exempt', exempt: {} } }).spec?.exempt
  assert.deepEqual(exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 })
})

test('what every cluster has is right, and stays', () => {
  for (const schema of MANDATORY_FLOW_SCHEMAS) {
    assert.deepEqual(complaints(flowSchemaKind, schema), [])
    const [why = ''] = complaints(flowSchemaKind, { ...schema, spec: { ...schema.spec, rules: [] } })
    assert.match(why, new RegExp(`^spec: Invalid value: .*: spec of '${schema.metadata.name}' must equal the fixed value$`))
  }
  for (const level of MANDATORY_PRIORITY_LEVELS) assert.deepEqual(complaints(priorityLevelConfigurationKind, level), [])
  const [exempt, last] = MANDATORY_PRIORITY_LEVELS
  const lent = { ...exempt, spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 5, lendablePercent: 50 } } }
  assert.deepEqual(complaints(priorityLevelConfigurationKind, lent), [])
  const [why = ''] = complaints(priorityLevelConfigurationKind, { ...last, spec: limited({}) })
  assert.match(why, /: spec of 'catch-all' must equal the fixed value$/)
  const wrong = complaints(priorityLevelConfigurationKind, { ...exempt, spec: { ...exempt?.spec, limited: REJECT } })
  assert.equal(wrong[0], 'spec.limited: Forbidden: must be nil if the type is not Limited')
  assert.match(wrong[1] ?? '', /: spec of 'exempt' except the 'spec\.exempt' field must equal the fixed value$/)
})

test('conditions of flows and levels are named once', () => {
  for (const kind of [flowSchemaKind, priorityLevelConfigurationKind] as unknown as (typeof flowSchemaKind)[]) {
    const say = (...types: string[]) =>
      statusComplaints(kind, {}, { status: { conditions: types.map(type => ({ type, status: 'True' })) } })
    assert.deepEqual(say('A', 'B'), [])
    assert.deepEqual(say('A', 'A'), ['status.conditions[1].type: Duplicate value: "A"'])
    assert.deepEqual(say(''), ['status.conditions[0].type: Required value: must not be empty'])
  }
})

test('kubectl get shows flows and levels as with Kubernetes', () => {
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:01:00Z')
  assert.deepEqual(cells(flowSchemaKind, { metadata, spec: LEVEL }, now), {
    Name: 'a',
    PriorityLevel: 'low',
    MatchingPrecedence: 1000,
    DistinguisherMethod: undefined,
    Age: '60s',
    MissingPL: '?',
  })
  const status = { conditions: [{ type: 'Dangling', status: 'False' }] }
  assert.equal(cells(flowSchemaKind, { spec: LEVEL, status }).MissingPL, 'False')
  assert.deepEqual(cells(priorityLevelConfigurationKind, { metadata, spec: queued({}) }, now), {
    Name: 'a',
    Type: 'Limited',
    NominalConcurrencyShares: 30,
    Queues: 64,
    HandSize: 8,
    QueueLengthLimit: 50,
    Age: '60s',
  })
})
