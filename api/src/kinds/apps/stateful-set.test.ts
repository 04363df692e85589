import assert from 'node:assert/strict'
import { test } from 'node:test'
import { schemaErrors } from '../../decode.ts'
import { fieldErrorBody } from '../../status.ts'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { statefulSetKind } from './stateful-set.ts'

const mount = { name: 'data', mountPath: '/data' }
const template = (spec: object = {}, labels: object = { app: 'db' }) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'pg', image: 'postgres:16', volumeMounts: [mount] }], ...spec },
})
const claim = (spec: object = {}, name = 'data') => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
})
const statefulSet = (spec: object = {}, rest: object = {}) => ({
  spec: {
    serviceName: 'db',
    selector: { matchLabels: { app: 'db' } },
    template: template(),
    volumeClaimTemplates: [claim()],
    ...spec,
  },
  ...rest,
})

test('a StatefulSet gets the defaults of Kubernetes, its pods and claims theirs', () => {
  const { spec, status } = stored(statefulSetKind, statefulSet())
  assert.equal(spec.replicas, 1)
  assert.equal(spec.podManagementPolicy, 'OrderedReady')
  assert.equal(spec.revisionHistoryLimit, 10)
  assert.deepEqual(spec.updateStrategy, { type: 'RollingUpdate', rollingUpdate: { partition: 0 } })
  assert.deepEqual(spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Retain', whenScaled: 'Retain' })
  assert.equal(spec.template.spec.restartPolicy, 'Always')
  assert.deepEqual(spec.volumeClaimTemplates, [
    { apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claim({ volumeMode: 'Filesystem' }), status: { phase: 'Pending' } },
  ])
  assert.deepEqual(status, { replicas: 0 })
  const onDelete = stored(statefulSetKind, statefulSet({ updateStrategy: { type: 'OnDelete' } }))
  assert.deepEqual(onDelete.spec.updateStrategy, { type: 'OnDelete' })
  const chosen = stored(statefulSetKind, statefulSet({ persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' } }))
  assert.deepEqual(chosen.spec.persistentVolumeClaimRetentionPolicy, { whenDeleted: 'Delete', whenScaled: 'Retain' })
})

const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: 'RollingUpdate', rollingUpdate } })
const CASES: readonly [spec: object, complaints: string[]][] = [
  [{}, []],
  [{ podManagementPolicy: 'Parallel', ...rolling({ partition: 2, maxUnavailable: '50%' }), ordinals: { start: 5 } }, []],
  [{ podManagementPolicy: 'Wild' }, ["spec.podManagementPolicy: Invalid value: \"Wild\": must be 'OrderedReady' or 'Parallel'"]],
  [
    { updateStrategy: { type: 'Recreate' } },
    ['spec.updateStrategy: Invalid value: {"type":"Recreate"}: must be \'RollingUpdate\' or \'OnDelete\''],
  ],
  [
    { updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } } },
    ['spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy \'RollingUpdate\''],
  ],
  [rolling({ partition: -1 }), ['spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0']],
  [rolling({ maxUnavailable: 0 }), ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0']],
  [
    rolling({ maxUnavailable: '101%' }),
    ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
  ],
  [
    { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep' } },
    ['spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Delete", "Retain"'],
  ],
  [{ replicas: -1 }, ['spec.replicas: Invalid value: -1: must be greater than or equal to 0']],
  [{ minReadySeconds: -1 }, ['spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0']],
  [{ ordinals: { start: -1 } }, ['spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0']],
  [{ serviceName: 'a.b' }, ['spec.serviceName: Invalid value: "a.b": must not contain dots']],
  [
    { selector: null },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"db"}: `selector` does not match template `labels`',
    ],
  ],
  [{ selector: {} }, ['spec.selector: Invalid value: {}: empty selector is invalid for statefulset']],
  [
    { template: template({}, { app: 'x' }) },
    ['spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'],
  ],
  [{ volumeClaimTemplates: [] }, ['spec.template.spec.containers[0].volumeMounts[0].name: Not found: "data"']],
  // A claim takes the place of the volume of its name.
  [{ template: template({ volumes: [{ name: 'data', emptyDir: {} }] }) }, []],
  [
    { template: template({ restartPolicy: 'Never' }) },
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    { template: template({ activeDeadlineSeconds: 5 }) },
    ['spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not Supported'],
  ],
  [
    { volumeClaimTemplates: [claim({ accessModes: [] })] },
    ['spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required'],
  ],
]
for (const [spec, wanted] of CASES) {
  test(`StatefulSet ${JSON.stringify(spec).slice(0, 90)} is ${wanted.length === 0 ? 'right' : 'refused'}`, () => {
    assert.deepEqual(complaints(statefulSetKind, statefulSet(spec)), wanted)
  })
}

test('of a StatefulSet only what does not change what its pods keep may be changed', () => {
  const change = (spec: object) => changeComplaints(statefulSetKind, statefulSet(), statefulSet(spec))
  const free = { replicas: 3, minReadySeconds: 5, revisionHistoryLimit: 2, ordinals: { start: 1 }, updateStrategy: { type: 'OnDelete' } }
  assert.deepEqual(
    change({ ...free, persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' }, template: template({ hostname: 'x' }) }),
    [],
  )
  // What the server has filled in is no change when the client sends what it wrote.
  assert.deepEqual(change({ volumeClaimTemplates: [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', ...claim() }] }), [])
  const refused =
    "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
  for (const spec of [
    { serviceName: 'x' },
    { podManagementPolicy: 'Parallel' },
    { volumeClaimTemplates: [claim({ storageClassName: 'x' })] },
  ]) {
    assert.deepEqual(change(spec), [refused], JSON.stringify(spec))
  }
})

test('the status of a StatefulSet adds up', () => {
  const check = (status: object, old: object = {}) => {
    const object = stored(statefulSetKind, statefulSet({}, { status }))
    const errors = statefulSetKind.validateStatus?.(object, stored(statefulSetKind, statefulSet({}, { status: old }))) ?? []
    return [...errors, ...schemaErrors(statefulSetKind, object)].map(error => `${error.field}: ${fieldErrorBody(error)}`)
  }
  assert.deepEqual(check({ replicas: 3, readyReplicas: 2, availableReplicas: 1, currentReplicas: 3, updatedReplicas: 0 }), [])
  assert.deepEqual(check({ replicas: 1, readyReplicas: 2 }), [
    'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
  ])
  assert.deepEqual(check({ replicas: 3, readyReplicas: 1, availableReplicas: 2 }), [
    'status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas',
  ])
  assert.deepEqual(check({ replicas: -1 }), [
    'status.replicas: Invalid value: -1: must be greater than or equal to 0',
    'status.readyReplicas: Invalid value: 0: cannot be greater than status.replicas',
    'status.currentReplicas: Invalid value: 0: cannot be greater than status.replicas',
    'status.updatedReplicas: Invalid value: 0: cannot be greater than status.replicas',
    'status.availableReplicas: Invalid value: 0: cannot be greater than status.replicas',
  ])
  assert.deepEqual(check({ collisionCount: 1 }, { collisionCount: 2 }), ['status.collisionCount: Invalid value: 1: cannot be decremented'])
})

test('kubectl get shows StatefulSets as with Kubernetes', () => {
  const metadata = { name: 'db', creationTimestamp: '2026-01-01T00:00:00Z' }
  const raw = { metadata, ...statefulSet({ replicas: 3 }), status: { replicas: 3, readyReplicas: 2 } }
  assert.deepEqual(cells(statefulSetKind, raw, Date.parse('2026-01-01T00:00:30Z')), {
    Name: 'db',
    Ready: '2/3',
    Age: '30s',
    Containers: 'pg',
    Images: 'postgres:16',
  })
})
