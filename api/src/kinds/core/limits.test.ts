/** What holds for LimitRanges, ResourceQuotas and ReplicationControllers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldErrorBody } from '../../status.ts'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { limitRangeKind } from './limit-range.ts'
import { replicationControllerKind } from './replication-controller.ts'
import { resourceQuotaKind } from './resource-quota.ts'

const limits = (...items: object[]) => ({ spec: { limits: items } })
const container = (item: object) => limits({ type: 'Container', ...item })
const AT = 'spec.limits[0]'

test('limits of containers make up for what is not said', () => {
  const { limits: [item] = [] } = stored(
    limitRangeKind,
    container({ max: { cpu: '1', memory: '1Gi' }, min: { cpu: '100m' }, default: { cpu: '500m' } }),
  ).spec
  assert.deepEqual(item?.default, { cpu: '500m', memory: '1Gi' })
  assert.deepEqual(item?.defaultRequest, { cpu: '500m', memory: '1Gi' })
  assert.deepEqual(stored(limitRangeKind, container({ min: { cpu: '100m' } })).spec.limits?.[0]?.defaultRequest, { cpu: '100m' })
  assert.deepEqual(stored(limitRangeKind, limits({ type: 'Pod', max: { cpu: 1 } })).spec.limits, [{ type: 'Pod', max: { cpu: '1' } }])
})

const RANGES: readonly [raw: object, complaints: string[]][] = [
  [limits({ type: 'Pod', max: { cpu: 2 } }, { type: 'Container', max: { cpu: 1, 'hugepages-2Mi': '4Mi', 'a.io/gpu': 1 } }), []],
  [limits({ type: 'PersistentVolumeClaim', min: { storage: '1Gi' } }, { type: 'a.io/Image', max: { 'a.io/size': 1 } }), []],
  [limits(), []],
  [limits({ type: 'Node', max: { cpu: 1 } }), [`${AT}.type: Invalid value: "Node": must be a standard limit type or fully qualified`]],
  [limits({ type: 'Pod' }, { type: 'Pod' }), ['spec.limits[1].type: Duplicate value: "Pod"']],
  [limits({ type: 'Pod', default: { cpu: 1 } }), [`${AT}.default: Forbidden: may not be specified when \`type\` is 'Pod'`]],
  [limits({ type: 'Pod', defaultRequest: { cpu: 1 } }), [`${AT}.defaultRequest: Forbidden: may not be specified when \`type\` is 'Pod'`]],
  [
    limits({ type: 'Pod', max: { storage: 1 } }),
    [`${AT}.max[storage]: Invalid value: "storage": must be a standard resource for containers`],
  ],
  [
    limits({ type: 'PersistentVolumeClaim', max: { disk: 1 } }),
    [
      `${AT}.max[disk]: Invalid value: "disk": must be a standard resource type or fully qualified`,
      `${AT}.limits: Required value: either minimum or maximum storage value is required, but neither was provided`,
    ],
  ],
  [
    limits({ type: 'Pod', min: { cpu: 2 }, max: { cpu: 1 } }),
    [`${AT}.min[cpu]: Invalid value: "2": min value 2 is greater than max value 1`],
  ],
  [
    container({ min: { cpu: 2 }, defaultRequest: { cpu: 1 }, default: { cpu: 3 } }),
    [`${AT}.defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1`],
  ],
  [
    container({ max: { cpu: 1 }, defaultRequest: { cpu: 2 }, default: { cpu: 1 } }),
    [`${AT}.defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than max value 1`],
  ],
  [
    container({ defaultRequest: { cpu: 2 }, default: { cpu: 1 } }),
    [`${AT}.defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1`],
  ],
  [
    container({ min: { cpu: 2 }, default: { cpu: 1 }, defaultRequest: { cpu: 2 } }),
    [
      `${AT}.defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1`,
      `${AT}.default[cpu]: Invalid value: "2": min value 2 is greater than default value 1`,
    ],
  ],
  [
    container({ max: { cpu: 1 }, default: { cpu: 2 }, defaultRequest: { cpu: 1 } }),
    [`${AT}.default[cpu]: Invalid value: "1": default value 2 is greater than max value 1`],
  ],
  [
    container({ maxLimitRequestRatio: { cpu: '500m' } }),
    [`${AT}.maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1`],
  ],
  [
    limits({ type: 'Pod', min: { cpu: '250m' }, max: { cpu: 1 }, maxLimitRequestRatio: { cpu: 10 } }),
    [`${AT}.maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 4.000000`],
  ],
  [
    container({ default: { 'a.io/gpu': 2 }, defaultRequest: { 'a.io/gpu': 1 } }),
    [`${AT}.defaultRequest[a.io/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in a.io/gpu`],
  ],
]
for (const [raw, wanted] of RANGES) {
  test(`LimitRange ${JSON.stringify(raw).slice(17, 100)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(limitRangeKind, raw), wanted)
  })
}

const quota = (spec: object, rest: object = {}) => ({ spec: { hard: { pods: 4 }, ...spec }, ...rest })
const scoped = (...matchExpressions: object[]) => ({ scopeSelector: { matchExpressions } })
const EXPRESSIONS = 'spec.scopeSelector.matchExpressions'

const QUOTAS: readonly [spec: object, complaints: string[]][] = [
  [
    { hard: { 'requests.cpu': 1, 'limits.memory': '1Gi', 'count/deployments.apps': 2, 'requests.a.io/gpu': 1, 'requests.storage': '5Gi' } },
    [],
  ],
  [{ hard: { 'hugepages-2Mi': '4Mi', 'fast.storageclass.storage.k8s.io/requests.storage': '1Gi' } }, []],
  [{ hard: { pods: -1 } }, ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0']],
  [{ hard: { pods: '1500m' } }, ['spec.hard[pods]: Invalid value: "1500m": must be an integer']],
  [{ hard: { 'count/pods': '500m' } }, ['spec.hard[count/pods]: Invalid value: "500m": must be an integer']],
  [{ hard: { storage: 1 } }, ['spec.hard[storage]: Invalid value: "storage": must be a standard resource for quota']],
  [{ hard: { disks: 1 } }, ['spec.hard[disks]: Invalid value: "disks": must be a standard resource type or fully qualified']],
  [{ scopes: ['Terminating', 'BestEffort'] }, []],
  [{ scopes: ['Some'] }, ['spec.scopes: Invalid value: ["Some"]: unsupported scope']],
  [{ scopes: ['BestEffort'], hard: { cpu: 1 } }, ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource']],
  [{ scopes: ['Terminating', 'NotTerminating'] }, ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes']],
  [scoped({ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }), []],
  [
    scoped({ scopeName: 'PriorityClass', operator: 'In' }),
    [`${EXPRESSIONS}.values: Required value: must be at least one value when \`operator\` is 'In' or 'NotIn' for scope selector`],
  ],
  [
    scoped({ scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] }),
    [`${EXPRESSIONS}.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`],
  ],
  [scoped({ scopeName: 'PriorityClass', operator: 'Is' }), [`${EXPRESSIONS}.operator: Invalid value: "Is": not a valid selector operator`]],
  [scoped({ scopeName: 'Some', operator: 'Exists' }), [`${EXPRESSIONS}.scopeName: Invalid value: "Some": unsupported scope`]],
  [
    scoped({ scopeName: 'BestEffort', operator: 'DoesNotExist' }),
    [
      `${EXPRESSIONS}.operator: Invalid value: "DoesNotExist": must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity`,
    ],
  ],
  [
    { ...scoped({ scopeName: 'PriorityClass', operator: 'Exists' }), hard: { services: 1 } },
    [
      `${EXPRESSIONS}: Invalid value: {"matchExpressions":[{"scopeName":"PriorityClass","operator":"Exists"}]}: unsupported scope applied to resource`,
    ],
  ],
]
for (const [spec, wanted] of QUOTAS) {
  test(`ResourceQuota ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(resourceQuotaKind, quota(spec)), wanted)
  })
}

test('the scopes of a ResourceQuota stay, its amounts need not', () => {
  const change = (spec: object) => changeComplaints(resourceQuotaKind, quota({ scopes: ['BestEffort', 'Terminating'] }), quota(spec))
  assert.deepEqual(change({ scopes: ['Terminating', 'BestEffort'], hard: { pods: 9 } }), [])
  assert.deepEqual(change({ scopes: ['BestEffort'] }), ['spec.scopes: Invalid value: ["BestEffort"]: field is immutable'])
  const told = stored(resourceQuotaKind, quota({}, { status: { hard: { pods: 4 }, used: { pods: -1 } } }))
  assert.deepEqual(
    resourceQuotaKind.validateStatus?.(told, told).map(error => `${error.field}: ${fieldErrorBody(error)}`),
    ['status.used[pods]: Invalid value: "-1": must be greater than or equal to 0'],
  )
})

const template = (spec: object = {}, labels: object = { app: 'web' }) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'nginx', image: 'nginx:1.25' }], ...spec },
})
const controller = (spec: object = {}, rest: object = {}) => ({
  spec: { selector: { app: 'web' }, template: template(), ...spec },
  ...rest,
})

test('a ReplicationController gets selector and labels of its template', () => {
  const { spec, metadata, status } = stored(replicationControllerKind, controller({ selector: null }))
  assert.deepEqual([spec.replicas, spec.selector, metadata.labels, status], [1, { app: 'web' }, { app: 'web' }, { replicas: 0 }])
  assert.equal(replicationControllerKind.scale?.selector(stored(replicationControllerKind, controller())), 'app=web')
  assert.equal(replicationControllerKind.storagePrefix, 'controllers')
})

const CONTROLLERS: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
  [{ minReadySeconds: -1 }, ['spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0']],
  [{ template: null }, ['spec.template: Required value']],
  [{ selector: null, template: { spec: template().spec } }, ['spec.selector: Required value']],
  [
    { selector: { app: 'x' } },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    { template: template({ restartPolicy: 'Never', activeDeadlineSeconds: 1 }) },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported',
    ],
  ],
]
for (const [spec, wanted] of CONTROLLERS) {
  test(`ReplicationController ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(replicationControllerKind, controller(spec)), wanted)
  })
}

test('the status of a ReplicationController adds up', () => {
  const check = (status: object) => {
    const told = stored(replicationControllerKind, controller({}, { status }))
    return replicationControllerKind.validateStatus?.(told, told).map(error => `${error.field}: ${fieldErrorBody(error)}`)
  }
  assert.deepEqual(check({ replicas: 3, readyReplicas: 2, availableReplicas: 1, fullyLabeledReplicas: 3 }), [])
  assert.deepEqual(check({ replicas: 1, readyReplicas: 2 }), [
    'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
  ])
  assert.deepEqual(check({ replicas: 3, readyReplicas: 1, availableReplicas: 2 }), [
    'status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas',
  ])
})

test('columns are those of kubectl', () => {
  const metadata = { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:00:30Z')
  assert.deepEqual(cells(limitRangeKind, { metadata, ...limits() }, now), { Name: 'a', 'Created At': '2026-01-01T00:00:00Z' })
  const status = { hard: { pods: 4, 'requests.cpu': '2', 'limits.cpu': '4' }, used: { pods: 1, 'requests.cpu': '500m' } }
  assert.deepEqual(cells(resourceQuotaKind, { metadata, ...quota({}), status }, now), {
    Name: 'a',
    Request: 'pods: 1/4, requests.cpu: 500m/2',
    Limit: 'limits.cpu: 0/4',
    Age: '30s',
  })
  assert.deepEqual(cells(replicationControllerKind, { metadata, ...controller({ replicas: 3 }), status: { replicas: 2 } }, now), {
    Name: 'a',
    Desired: 3,
    Current: 2,
    Ready: 0,
    Age: '30s',
    Containers: 'nginx',
    Images: 'nginx:1.25',
    Selector: 'app=web',
  })
})
