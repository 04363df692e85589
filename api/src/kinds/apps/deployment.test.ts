import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { deploymentKind } from './deployment.ts'
import { replicaSetKind } from './replica-set.ts'

const template = (spec: object = {}, labels: object = { app: 'web' }) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'nginx', image: 'nginx:1.25' }], ...spec },
})
const workload = (spec: object = {}) => ({ spec: { selector: { matchLabels: { app: 'web' } }, template: template(), ...spec } })

test('a Deployment gets the defaults of Kubernetes, and its pods theirs', () => {
  const { spec } = stored(deploymentKind, workload())
  assert.equal(spec.replicas, 1)
  assert.equal(spec.revisionHistoryLimit, 10)
  assert.equal(spec.progressDeadlineSeconds, 600)
  assert.deepEqual(spec.strategy, { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } })
  assert.equal(spec.template.spec.restartPolicy, 'Always')
  assert.deepEqual(stored(deploymentKind, workload({ strategy: { type: 'Recreate' } })).spec.strategy, { type: 'Recreate' })
  assert.equal(stored(deploymentKind, workload({ replicas: 0 })).spec.replicas, 0)
})

const SHARED: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
  [
    { selector: null },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [{ selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for deployment']],
  [
    { template: template({}, { app: 'other' }) },
    ['spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`'],
  ],
  [
    { selector: { matchExpressions: [{ key: 'app', operator: 'In' }] } },
    ["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  ],
  [
    { template: template({ restartPolicy: 'Never' }) },
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [{ template: template({ containers: [] }) }, ['spec.template.spec.containers: Required value']],
]

const OF_DEPLOYMENTS: readonly [spec: object, complaints: string[]][] = [
  [{ strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } }, []],
  [{ strategy: { rollingUpdate: { maxSurge: '200%', maxUnavailable: '100%' } } }, []],
  [
    { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'],
  ],
  [
    { strategy: { rollingUpdate: { maxUnavailable: '101%' } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
  ],
  [
    { strategy: { rollingUpdate: { maxSurge: 'some' } } },
    [
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"some\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
  ],
  [
    { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    { minReadySeconds: 10, progressDeadlineSeconds: 10 },
    ['spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds'],
  ],
]

for (const [spec, wanted] of [...SHARED, ...OF_DEPLOYMENTS]) {
  test(`Deployment ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(deploymentKind, workload(spec)), wanted)
  })
}

for (const [spec, wanted] of SHARED) {
  test(`ReplicaSet ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(replicaSetKind, workload(spec)), wanted)
  })
}

for (const kind of [deploymentKind, replicaSetKind] as const) {
  test(`the selector of a ${kind.kind} stays`, () => {
    const other = workload({ selector: { matchLabels: { app: 'x' } }, template: template({}, { app: 'x' }) })
    assert.deepEqual(changeComplaints(kind as typeof deploymentKind, workload(), workload({ replicas: 3 })), [])
    // An empty part is no change: it is stored as if it were not there.
    const padded = workload({ selector: { matchLabels: { app: 'web' }, matchExpressions: [] } })
    assert.deepEqual(changeComplaints(kind as typeof deploymentKind, workload(), padded), [])
    assert.deepEqual(changeComplaints(kind as typeof deploymentKind, workload(), other), [
      'spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable',
    ])
  })
}

test('kubectl get shows Deployments and ReplicaSets as with Kubernetes', () => {
  const metadata = { name: 'web', creationTimestamp: '2026-01-01T00:00:00Z' }
  const now = Date.parse('2026-01-01T00:00:30Z')
  const wide = { Containers: 'nginx', Images: 'nginx:1.25', Selector: 'app=web' }
  const status = { replicas: 3, readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 }
  assert.deepEqual(cells(deploymentKind, { metadata, ...workload({ replicas: 3 }), status }, now), {
    Name: 'web',
    Ready: '2/3',
    'Up-to-date': '3',
    Available: '1',
    Age: '30s',
    ...wide,
  })
  assert.deepEqual(cells(replicaSetKind, { metadata, ...workload({ replicas: 4 }), status: { replicas: 3, readyReplicas: 2 } }, now), {
    Name: 'web',
    Desired: 4,
    Current: 3,
    Ready: 2,
    Age: '30s',
    ...wide,
  })
})

test('scale reads and writes the replicas', () => {
  const deployment = stored(deploymentKind, workload({ replicas: 2 }))
  assert.equal(deploymentKind.scale?.replicas(deployment), 2)
  deploymentKind.scale?.setReplicas(deployment, 5)
  assert.equal(deployment.spec.replicas, 5)
  assert.equal(deploymentKind.scale?.selector(deployment), 'app=web')
})
