/** What holds for volumes, claims and storage classes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { storageClassKind } from '../storage/storage-class.ts'
import { cells, changeComplaints, complaints, stored } from '../testing.ts'
import { persistentVolumeKind } from './persistent-volume.ts'
import { persistentVolumeClaimKind } from './persistent-volume-claim.ts'

const affinity = {
  required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['one'] }] }] },
}
const volume = (spec: object = {}, rest: object = {}) => ({
  spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/data' }, ...spec },
  ...rest,
})
const claim = (spec: object = {}, rest: object = {}) => ({
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  ...rest,
})

test('volumes and claims get the defaults of Kubernetes', () => {
  assert.deepEqual(stored(persistentVolumeKind, volume()).spec, {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    hostPath: { path: '/data', type: '' },
    persistentVolumeReclaimPolicy: 'Retain',
    volumeMode: 'Filesystem',
  })
  const made = stored(persistentVolumeClaimKind, claim({ dataSource: { kind: 'PersistentVolumeClaim', name: 'b' } }))
  assert.equal(made.spec.volumeMode, 'Filesystem')
  assert.equal(made.status?.phase, 'Pending')
  assert.deepEqual(made.spec.dataSourceRef, { kind: 'PersistentVolumeClaim', name: 'b' })
  const storageClass = stored(storageClassKind, { provisioner: 'davit.dev/local' })
  assert.equal(storageClass.reclaimPolicy, 'Delete')
  assert.equal(storageClass.volumeBindingMode, 'Immediate')
})

for (const [why, raw, wanted] of [
  ['is right', volume(), []],
  ['has no access mode', volume({ accessModes: [] }), ['spec.accessModes: Required value']],
  [
    'has an unknown access mode',
    volume({ accessModes: ['Sometimes'] }),
    [
      'spec.accessModes: Unsupported value: "Sometimes": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
    ],
  ],
  [
    'has ReadWriteOncePod beside others',
    volume({ accessModes: ['ReadWriteOncePod', 'ReadWriteOnce'] }),
    ['spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes'],
  ],
  ['has no capacity', volume({ capacity: {} }), ['spec.capacity: Required value']],
  ['holds nothing', volume({ capacity: { storage: 0 } }), ['spec.capacity[storage]: Invalid value: "0": must be greater than zero']],
  ['has no source', { spec: { ...volume().spec, hostPath: undefined } }, ['spec: Required value: must specify a volume type']],
  ['has two sources', volume({ nfs: { server: 's', path: '/' } }), ['spec.nfs: Forbidden: may not specify more than 1 volume type']],
  [
    'is local to no node',
    volume({ hostPath: undefined, local: { path: '/data' } }),
    ['spec.nodeAffinity: Required value: Local volume requires node affinity'],
  ],
  ['is local to a node', volume({ hostPath: undefined, local: { path: '/data' }, nodeAffinity: affinity }), []],
  [
    'has a path that climbs',
    volume({ hostPath: { path: '/a/../b' } }),
    ['spec.hostPath.path: Invalid value: "/a/../b": must not contain \'..\''],
  ],
] as const) {
  test(`a volume that ${why} is answered so`, () => assert.deepEqual(complaints(persistentVolumeKind, raw), wanted))
}

for (const [why, raw, wanted] of [
  ['is right', claim(), []],
  ['has no access mode', claim({ accessModes: [] }), ['spec.accessModes: Required value: at least 1 access mode is required']],
  ['asks for nothing', claim({ resources: {} }), ['spec.resources[storage]: Required value']],
  [
    'asks for less than nothing',
    claim({ resources: { requests: { storage: '-1' } } }),
    ['spec.resources[storage]: Invalid value: "-1": must be greater than zero'],
  ],
  [
    'starts from an object of the core group that is no claim',
    claim({ dataSource: { kind: 'Pod', name: 'a' } }),
    [
      'spec.dataSource: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
      'spec.dataSourceRef: Invalid value: "Pod": must be \'PersistentVolumeClaim\' when referencing the default apiGroup',
    ],
  ],
] as const) {
  test(`a claim that ${why} is answered so`, () => assert.deepEqual(complaints(persistentVolumeClaimKind, raw), wanted))
}

test('a volume keeps its source, its mode and its nodes', () => {
  const change = (old: object, now: object) => changeComplaints(persistentVolumeKind, old, now)
  assert.deepEqual(change(volume(), volume({ capacity: { storage: '2Gi' }, claimRef: { name: 'a' } })), [])
  assert.deepEqual(change(volume(), volume({ hostPath: { path: '/other' } })), [
    'spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation',
  ])
  assert.deepEqual(change(volume(), volume({ volumeMode: 'Block' })), ['spec.volumeMode: Invalid value: "Block": field is immutable'])
  assert.deepEqual(change(volume(), volume({ nodeAffinity: affinity })), [])
  assert.equal(change(volume({ nodeAffinity: affinity }), volume()).length, 1)
})

test('a claim may only be bound once, and ask for more once it is bound', () => {
  const change = (old: object, now: object) => changeComplaints(persistentVolumeClaimKind, old, now)
  const frozen = [
    'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
  ]
  const bound = { status: { phase: 'Bound', capacity: { storage: '1Gi' } } }
  const sized = (storage: string) => claim({ volumeName: 'v', resources: { requests: { storage } } }, bound)
  assert.deepEqual(change(claim(), claim({ volumeName: 'v' })), [])
  assert.deepEqual(change(claim({ volumeName: 'v' }), claim({ volumeName: 'w' })), frozen)
  assert.deepEqual(change(claim(), claim({ accessModes: ['ReadWriteMany'] })), frozen)
  assert.deepEqual(change(claim(), claim({ resources: { requests: { storage: '2Gi' } } })), frozen)
  assert.deepEqual(change(claim(), claim({ storageClassName: 'fast' })), [])
  assert.deepEqual(change(claim({ storageClassName: 'slow' }), claim({ storageClassName: 'fast' })), frozen)
  assert.deepEqual(change(sized('1Gi'), sized('2Gi')), [])
  assert.deepEqual(change(sized('2Gi'), sized('1Gi')), [
    'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
  ])
})

test('of a storage class only what concerns later claims may change', () => {
  const make = (fields: object = {}) => ({ provisioner: 'davit.dev/local', ...fields })
  const change = (now: object) => changeComplaints(storageClassKind, make(), make(now))
  assert.deepEqual(change({ allowVolumeExpansion: true }), [])
  assert.deepEqual(change({ parameters: { path: '/x' } }), ['parameters: Forbidden: updates to parameters are forbidden.'])
  assert.deepEqual(change({ reclaimPolicy: 'Retain' }), ['reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.'])
  assert.equal(change({ volumeBindingMode: 'WaitForFirstConsumer' }).length, 1)
  assert.deepEqual(complaints(storageClassKind, {}), ['provisioner: Required value'])
})

test('columns are those of kubectl', () => {
  const bound = volume({ claimRef: { namespace: 'shop', name: 'db' }, storageClassName: 'fast' }, { status: { phase: 'Bound' } })
  assert.deepEqual(cells(persistentVolumeKind, bound), {
    Name: 'a',
    Capacity: '1Gi',
    'Access Modes': 'RWO',
    'Reclaim Policy': 'Retain',
    Status: 'Bound',
    Claim: 'shop/db',
    StorageClass: 'fast',
    VolumeAttributesClass: '<unset>',
    Reason: '',
    Age: '<unknown>',
    VolumeMode: 'Filesystem',
  })
  const status = { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany', 'ReadWriteOnce'] }
  assert.deepEqual(cells(persistentVolumeClaimKind, claim({ volumeName: 'v', storageClassName: 'fast' }, { status })), {
    Name: 'a',
    Status: 'Bound',
    Volume: 'v',
    Capacity: '1Gi',
    'Access Modes': 'RWO,RWX',
    StorageClass: 'fast',
    VolumeAttributesClass: '<unset>',
    Age: '<unknown>',
    VolumeMode: 'Filesystem',
  })
  const metadata = { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }
  assert.deepEqual(cells(storageClassKind, { metadata, provisioner: 'p', volumeBindingMode: 'WaitForFirstConsumer' }), {
    Name: 'a (default)',
    Provisioner: 'p',
    ReclaimPolicy: 'Delete',
    VolumeBindingMode: 'WaitForFirstConsumer',
    AllowVolumeExpansion: false,
    Age: '<unknown>',
  })
})
