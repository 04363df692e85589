import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { jobKind } from './job.ts'
import { jobLabels } from './job-rules.ts'
import type { Job } from './job-types.ts'

const metadata = { name: 'pi', namespace: 'default', uid: 'u-1' }
const labels = jobLabels(metadata)
const template = (spec: object = {}, more: object = {}) => ({
  metadata: { labels: { ...labels, ...more } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'pi', image: 'perl:5' }], ...spec },
})
/** As it is after the server has given it its selector. */
const job = (spec: object = {}, rest: object = {}) => ({
  metadata,
  spec: { selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u-1' } }, template: template(), ...spec },
  ...rest,
})

test('a Job gets the defaults of Kubernetes', () => {
  const { spec, metadata } = stored(jobKind, job())
  assert.deepEqual([spec.completions, spec.parallelism, spec.backoffLimit], [1, 1, 6])
  assert.deepEqual([spec.completionMode, spec.suspend, spec.podReplacementPolicy], ['NonIndexed', false, 'TerminatingOrFailed'])
  assert.deepEqual(metadata.labels, labels)
  const queue = stored(jobKind, job({ parallelism: 3 })).spec
  assert.deepEqual([queue.completions, queue.parallelism], [undefined, 3])
  assert.equal(stored(jobKind, job({ completions: 3 })).spec.parallelism, 1)
  assert.equal(stored(jobKind, job({ backoffLimitPerIndex: 1 })).spec.backoffLimit, 2 ** 31 - 1)
  const policy = stored(
    jobKind,
    job({ podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] } }),
  ).spec
  assert.equal(policy.podReplacementPolicy, 'Failed')
  assert.equal(policy.podFailurePolicy?.rules?.[0]?.onPodConditions?.[0]?.status, 'True')
  assert.deepEqual(stored(jobKind, { ...job(), metadata: { ...metadata, labels: { own: 'x' } } }).metadata.labels, { own: 'x' })
})

const indexed = (spec: object = {}) => ({ completionMode: 'Indexed', completions: 10, ...spec })
const failure = (...rules: object[]) => ({ podFailurePolicy: { rules } })
const codes = (onExitCodes: object) => failure({ action: 'FailJob', onExitCodes: { operator: 'In', values: [1], ...onExitCodes } })
const success = (...rules: object[]) => indexed({ successPolicy: { rules } })
const RULE = 'spec.podFailurePolicy.rules[0]'
const SUCCESS = 'spec.successPolicy.rules[0]'

const CASES: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ parallelism: -1 }, ['spec.parallelism: Invalid value: -1: must be greater than or equal to 0']],
  [{ completions: -1 }, ['spec.completions: Invalid value: -1: must be greater than or equal to 0']],
  [{ activeDeadlineSeconds: -1 }, ['spec.activeDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0']],
  [{ backoffLimit: -1 }, ['spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0']],
  [{ ttlSecondsAfterFinished: -1 }, ['spec.ttlSecondsAfterFinished: Invalid value: -1: must be greater than or equal to 0']],
  [{ managedBy: 'kueue.x-k8s.io/multikueue' }, []],
  [{ managedBy: 'me' }, ['spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")']],
  [
    { managedBy: 'a.io/b c' },
    ["spec.managedBy: Invalid value: \"b c\": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')"],
  ],
  [{ managedBy: `a.io/${'x'.repeat(60)}` }, ['spec.managedBy: Too long: may not be more than 63 bytes']],
  [{ completionMode: 'Some' }, ['spec.completionMode: Unsupported value: "Some": supported values: "NonIndexed", "Indexed"']],
  [{ completionMode: 'Indexed', parallelism: 1 }, ['spec.completions: Required value: when completion mode is Indexed']],
  [
    indexed({ parallelism: 100_001 }),
    ['spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed'],
  ],
  [{ backoffLimitPerIndex: 1 }, ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode']],
  [indexed({ maxFailedIndexes: 1 }), ['spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified']],
  [
    indexed({ backoffLimitPerIndex: 1, maxFailedIndexes: 11 }),
    ['spec.maxFailedIndexes: Invalid value: 11: must be less than or equal to completions'],
  ],
  [
    indexed({ completions: 100_001, parallelism: 20_000, backoffLimitPerIndex: 1 }),
    [
      'spec.maxFailedIndexes: Required value: must be specified when completions is above 100000',
      'spec.parallelism: Invalid value: 20000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
    ],
  ],
  [codes({}), []],
  [codes({ containerName: 'pi', operator: 'NotIn', values: [0, 3] }), []],
  [
    codes({ containerName: 'x' }),
    [`${RULE}.onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template`],
  ],
  [codes({ values: [] }), [`${RULE}.onExitCodes.values: Invalid value: []: at least one value is required`]],
  [codes({ values: [0] }), [`${RULE}.onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator`]],
  [
    codes({ values: [2, 1, 1] }),
    [`${RULE}.onExitCodes.values[2]: Duplicate value: 1`, `${RULE}.onExitCodes.values: Invalid value: [2,1,1]: must be ordered`],
  ],
  [
    codes({ values: Array.from({ length: 256 }, (_, i) => i + 1) }),
    [`${RULE}.onExitCodes.values: Too many: 256: must have at most 255 items`],
  ],
  [codes({ operator: null }), [`${RULE}.onExitCodes.operator: Required value: valid values: ["In" "NotIn"]`]],
  [
    failure({ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }),
    [`${RULE}.action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set`],
  ],
  [failure({ action: 'Count' }), [`${RULE}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`]],
  [
    failure({ onPodConditions: [{ type: 'Ready' }] }),
    [`${RULE}.action: Required value: valid values: ["Count" "FailIndex" "FailJob" "Ignore"]`],
  ],
  [
    failure({ action: 'Stop', onPodConditions: [{ type: 'Ready' }] }),
    [`${RULE}.action: Unsupported value: "Stop": supported values: "Count", "FailIndex", "FailJob", "Ignore"`],
  ],
  [
    failure({ action: 'Count', onExitCodes: { operator: 'In', values: [1] }, onPodConditions: [{ type: 'Ready' }] }),
    [`${RULE}: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported`],
  ],
  [
    failure({ action: 'Count', onPodConditions: Array.from({ length: 21 }, () => ({ type: 'Ready' })) }),
    [`${RULE}.onPodConditions: Too many: 21: must have at most 20 items`],
  ],
  [
    failure(...Array.from({ length: 21 }, () => ({ action: 'Count', onPodConditions: [{ type: 'Ready' }] }))),
    ['spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items'],
  ],
  [
    { ...codes({}), podReplacementPolicy: 'TerminatingOrFailed' },
    ['spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"'],
  ],
  [
    { ...codes({}), template: template({ restartPolicy: 'OnFailure' }) },
    ['spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified'],
  ],
  [
    { podReplacementPolicy: 'Now' },
    ['spec.podReplacementPolicy: Unsupported value: "Now": supported values: "Failed", "TerminatingOrFailed"'],
  ],
  [success({ succeededIndexes: '0,2-4', succeededCount: 2 }), []],
  [
    { successPolicy: { rules: [{ succeededCount: 1 }] } },
    ['spec.successPolicy: Invalid value: {"rules":[{"succeededCount":1}]}: requires indexed completion mode'],
  ],
  [success(), ['spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified']],
  [success({}), [`${SUCCESS}: Required value: at least one of succeededCount or succeededIndexes must be specified`]],
  [
    success({ succeededCount: 11 }),
    [`${SUCCESS}.succeededCount: Invalid value: 11: must be less than or equal to 10 (the number of specified completions)`],
  ],
  [
    success({ succeededIndexes: '1-2', succeededCount: 3 }),
    [
      `${SUCCESS}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)`,
    ],
  ],
  ...(
    [
      ['10', 'too large index: "10"'],
      ['a', 'cannot convert string to integer for index: "a"'],
      ['3-2', 'non-increasing order, previous: 3, current: 2'],
      ['1,1', 'non-increasing order, previous: 1, current: 1'],
      ['1-2-3', 'the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by \'-\''],
    ] as const
  ).map(([succeededIndexes, why]): [object, string[]] => [
    success({ succeededIndexes }),
    [`${SUCCESS}.succeededIndexes: Invalid value: "${succeededIndexes}": error parsing succeededIndexes: ${why}`],
  ]),
  [
    { template: template({ restartPolicy: null }) },
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [{ selector: null }, ['spec.selector: Required value']],
  [
    { template: template({}, { 'job-name': 'other' }) },
    [`spec.template.metadata.labels[job-name]: Invalid value: ${JSON.stringify({ ...labels, 'job-name': 'other' })}: must be 'pi'`],
  ],
  [
    { selector: { matchLabels: { app: 'x' } } },
    [
      'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: `selector` not auto-generated',
      `spec.template.metadata.labels: Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
    ],
  ],
  [{ manualSelector: true, selector: { matchLabels: { app: 'x' } }, template: { ...template(), metadata: { labels: { app: 'x' } } } }, []],
]
for (const [spec, wanted] of CASES) {
  test(`Job ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(jobKind, job(spec)), wanted)
  })
}

test('pods of an Indexed Job must get host names', () => {
  const name = 'x'.repeat(61)
  const own = { ...metadata, name }
  const raw = { ...job(indexed({ template: { ...template(), metadata: { labels: jobLabels(own) } } })), metadata: own }
  assert.deepEqual(complaints(jobKind, raw), [])
  const many = { ...raw, spec: { ...raw.spec, completions: 11 } }
  assert.deepEqual(complaints(jobKind, many), [
    `metadata.name: Invalid value: "${name}": will not able to create pod with invalid DNS label: ${name}-10`,
  ])
})

test('of a Job only what does not change its pods may be changed', () => {
  const change = (spec: object, old: object = {}) =>
    changeComplaints(jobKind, job(old), job(spec)).map(text => text.replace(/: Invalid.*: /, ': '))
  assert.deepEqual(change({ parallelism: 3, completions: 1, suspend: true, backoffLimit: 2, ttlSecondsAfterFinished: 5 }), [])
  const immutable = 'field is immutable'
  assert.deepEqual(change({ completions: 2 }), [`spec.completions: ${immutable}`])
  assert.deepEqual(change({ selector: { matchLabels: { a: 'b' } } }), [`spec.selector: ${immutable}`])
  assert.deepEqual(change({ template: template({ hostname: 'x' }) }), [`spec.template: ${immutable}`])
  assert.deepEqual(change({ managedBy: 'a.io/b' }), [`spec.managedBy: ${immutable}`])
  assert.deepEqual(change(indexed({ successPolicy: { rules: [{ succeededCount: 1 }] } }), indexed()), [`spec.successPolicy: ${immutable}`])
  assert.deepEqual(change(indexed({ backoffLimitPerIndex: 1, backoffLimit: 6 }), indexed()), [`spec.backoffLimitPerIndex: ${immutable}`])
  assert.deepEqual(change({ completionMode: 'Indexed', completions: 1 }), [`spec.completionMode: ${immutable}`])
  assert.deepEqual(change({ ...codes({}), podReplacementPolicy: 'TerminatingOrFailed' }), [`spec.podFailurePolicy: ${immutable}`])
  assert.deepEqual(change(indexed({ completions: 5, parallelism: 5 }), indexed()), [])
  assert.deepEqual(change(indexed({ completions: 5, parallelism: 4 }), indexed()), [
    'spec.completions: can only be modified in tandem with spec.parallelism',
  ])
})

test('a suspended Job that has never started may be sent elsewhere', () => {
  const nodes = { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [] }] } } }
  const spread = {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'a' } }] },
  }
  const elsewhere = template({ nodeSelector: { zone: 'a' }, affinity: nodes, tolerations: [{ operator: 'Exists' }] }, { queue: 'a' })
  const change = (spec: object, old: object, status: object = {}) =>
    changeComplaints(jobKind, job({ suspend: true, ...old }, { status }), job(spec)).map(text => text.replace(/: Invalid.*: /, ': '))
  assert.deepEqual(change({ template: elsewhere }, {}), [])
  assert.deepEqual(change({}, { template: elsewhere }), [])
  assert.deepEqual(change({ template: template({ affinity: { ...nodes, ...spread } }) }, { template: template({ affinity: spread }) }), [])
  const refused = ['spec.template: field is immutable']
  assert.deepEqual(change({ template: template({ affinity: nodes }) }, { template: template({ affinity: spread }) }), refused)
  assert.deepEqual(change({ template: template({ hostname: 'x' }) }, {}), refused)
  assert.deepEqual(change({ template: elsewhere }, { suspend: false }), refused)
  assert.deepEqual(change({ template: elsewhere }, {}, { startTime: '2026-01-01T00:00:00Z' }), refused)
})

test('kubectl get shows Jobs as with Kubernetes', () => {
  const now = Date.parse('2026-01-01T00:10:00Z')
  const show = (spec: object, status: object, meta: object = {}) => {
    const raw = { ...job(spec, { status }), metadata: { ...metadata, creationTimestamp: '2026-01-01T00:00:00Z', ...meta } }
    return cells<Job>(jobKind, raw, now)
  }
  const conditions = (...types: string[]) => ({ conditions: types.map(type => ({ type, status: 'True' })) })
  assert.deepEqual(show({ completions: 3 }, { startTime: '2026-01-01T00:05:00Z', succeeded: 1 }), {
    Name: 'pi',
    Status: 'Running',
    Completions: '1/3',
    Duration: '5m',
    Age: '10m',
    Containers: 'pi',
    Images: 'perl:5',
    Selector: 'batch.kubernetes.io/controller-uid=u-1',
  })
  const times = { startTime: '2026-01-01T00:00:00Z', completionTime: '2026-01-01T00:00:42Z' }
  const done = show({}, { ...times, ...conditions('Complete'), succeeded: 1 })
  assert.deepEqual([done.Status, done.Duration, done.Completions], ['Complete', '42s', '1/1'])
  assert.equal(show({ parallelism: 4 }, {}).Completions, '0/1 of 4')
  assert.equal(show({ parallelism: 1 }, {}).Completions, '0/1')
  assert.equal(show({}, {}).Duration, '')
  const deleted = { deletionTimestamp: '2026-01-01T00:09:00Z' }
  assert.equal(show({}, conditions('Suspended'), deleted).Status, 'Terminating')
  assert.equal(show({}, conditions('Failed', 'FailureTarget'), deleted).Status, 'Failed')
  assert.equal(show({}, conditions('Suspended', 'FailureTarget')).Status, 'Suspended')
  assert.equal(show({}, conditions('FailureTarget')).Status, 'FailureTarget')
})

test('Jobs are selected by how many pods have succeeded', () => {
  assert.equal(jobKind.selectableFields['status.successful']?.(stored(jobKind, job({}, { status: { succeeded: 2 } }))), '2')
})
