import assert from 'node:assert/strict'
import { test } from 'node:test'
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  StorageClass,
} from '@davit/api'
import type { Action } from './actions.ts'
import { planClaim } from './plan-claim.ts'
import { planVolume } from './plan-volume.ts'

interface Traits<S> {
  spec?: Partial<S>
  labels?: Record<string, string>
  annotations?: Record<string, string>
  phase?: string
  size?: string
}

const SELECTED = 'volume.kubernetes.io/selected-node'
const PROVISIONED = { 'pv.kubernetes.io/provisioned-by': 'davit.dev/local' }
const PROVISIONER = { 'volume.kubernetes.io/storage-provisioner': 'davit.dev/local' }
const DONE = { 'pv.kubernetes.io/bind-completed': 'yes' }

function claim(
  name: string,
  { spec, annotations, phase = 'Pending', size = '1Gi' }: Traits<PersistentVolumeClaimSpec> & { capacity?: string } = {},
): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '7', ...(annotations && { annotations }) },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, volumeMode: 'Filesystem', ...spec },
    status: { phase } as PersistentVolumeClaim['status'] & object,
  }
}

function volume(
  name: string,
  { spec, labels, annotations, phase = 'Available', size = '1Gi' }: Traits<PersistentVolumeSpec> = {},
): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, uid: `uid-${name}`, ...(labels && { labels }), ...(annotations && { annotations }) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: size },
      hostPath: { path: '/x' },
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: 'Retain',
      ...spec,
    },
    status: { phase } as PersistentVolume['status'] & object,
  }
}

function storageClass(name: string, rest: Partial<StorageClass> = {}): StorageClass {
  return { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner: 'davit.dev/local', ...rest }
}

function node(name: string, { ready = 'True', directory = '/claims' }: { ready?: 'True' | 'False'; directory?: string | null } = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name },
      ...(directory && { annotations: { 'davit.dev/volumes-directory': directory } }),
    },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  }
}

const named = <T extends { metadata: { name?: string } }>(objects: readonly T[]) =>
  new Map(objects.map(object => [object.metadata.name ?? '', object]))

interface World {
  volumes?: PersistentVolume[]
  classes?: StorageClass[]
  nodes?: Node[]
}

const planFor = (subject: PersistentVolumeClaim, { volumes = [], classes = [], nodes = [] }: World = {}) =>
  planClaim({ claim: subject, volumes: named(volumes), classes: named(classes), nodes: named(nodes) })

/** What a plan comes to, in words. */
function words(actions: readonly Action[]): string[] {
  return actions.map(action => {
    switch (action.kind) {
      case 'event':
        return `${action.type} ${action.reason}: ${action.message}`
      case 'create-volume':
        return `create ${action.volume.metadata.name}`
      case 'write-volume':
        return `write ${action.volume.metadata.name} for ${action.volume.spec.claimRef?.name ?? 'nobody'}`
      case 'write-volume-status':
        return `${action.volume.metadata.name} is ${action.status.phase}`
      case 'write-claim':
        return `write ${action.claim.metadata.name} with ${action.claim.spec.volumeName ?? 'no volume'}`
      case 'write-claim-status':
        return `${action.claim.metadata.name} is ${action.status.phase}`
      default:
        return `look at ${action.key}`
    }
  })
}

const BOUND_TO_V = ['write v for c', 'write c with v', 'c is Bound']
const fast = { spec: { storageClassName: 'fast' } }
const later = storageClass('fast', { volumeBindingMode: 'WaitForFirstConsumer' })
const WAITS = ['Normal WaitForFirstConsumer: waiting for first consumer to be created before binding']
const NOTHING_FREE = ['Normal FailedBinding: no persistent volumes available for this claim and no storage class is set']

for (const [why, subject, world, wanted] of [
  ['takes the only volume that fits', claim('c'), { volumes: [volume('v')] }, BOUND_TO_V],
  [
    'takes the smallest volume that fits, and of equals the first by name',
    claim('c', { size: '2Gi' }),
    { volumes: [volume('a', { size: '1Gi' }), volume('z', { size: '3Gi' }), volume('x', { size: '4Gi' }), volume('v', { size: '3Gi' })] },
    BOUND_TO_V,
  ],
  ['leaves a volume that is too small', claim('c', { size: '2Gi' }), { volumes: [volume('v')] }, NOTHING_FREE],
  ['leaves a volume of another class', claim('c'), { volumes: [volume('v', fast)] }, NOTHING_FREE],
  ['leaves a volume of another mode', claim('c'), { volumes: [volume('v', { spec: { volumeMode: 'Block' } })] }, NOTHING_FREE],
  [
    'leaves a volume that cannot be mounted as it asks',
    claim('c', { spec: { accessModes: ['ReadWriteMany'] } }),
    { volumes: [volume('v')] },
    NOTHING_FREE,
  ],
  [
    'takes what its selector selects',
    claim('c', { spec: { selector: { matchLabels: { disk: 'ssd' } } } }),
    { volumes: [volume('a'), volume('v', { labels: { disk: 'ssd' } })] },
    BOUND_TO_V,
  ],
  ['leaves a volume nobody has looked at', claim('c'), { volumes: [volume('v', { phase: 'Pending' })] }, NOTHING_FREE],
  ['leaves a volume whose claim is gone', claim('c'), { volumes: [volume('v', { phase: 'Released' })] }, NOTHING_FREE],
  [
    'prefers the volume that is kept for it',
    claim('c'),
    { volumes: [volume('a'), volume('v', { size: '9Gi', spec: { claimRef: { name: 'c', namespace: 'default' } } })] },
    BOUND_TO_V,
  ],
  [
    'leaves a volume that is kept for another',
    claim('c'),
    { volumes: [volume('v', { spec: { claimRef: { name: 'd', namespace: 'default' } } })] },
    NOTHING_FREE,
  ],
  [
    'leaves a volume that belonged to a claim of its name',
    claim('c'),
    { volumes: [volume('v', { spec: { claimRef: { name: 'c', namespace: 'default', uid: 'older' } } })] },
    NOTHING_FREE,
  ],
  ['takes the volume it names', claim('c', { spec: { volumeName: 'v' } }), { volumes: [volume('v'), volume('a')] }, BOUND_TO_V],
  ['waits for the volume it names', claim('c', { spec: { volumeName: 'v' } }), {}, []],
  [
    'says that the volume it names is taken',
    claim('c', { spec: { volumeName: 'v' } }),
    { volumes: [volume('v', { spec: { claimRef: { name: 'd', namespace: 'default', uid: 'uid-d' } } })] },
    ['Warning FailedBinding: volume "v" already bound to a different claim.'],
  ],
  [
    'says that the volume it names does not fit',
    claim('c', { spec: { volumeName: 'v' }, size: '2Gi' }),
    { volumes: [volume('v')] },
    ['Warning VolumeMismatch: Cannot bind to requested volume "v": requested PV is too small'],
  ],
  ['waits for its first pod', claim('c', fast), { classes: [later], volumes: [volume('v', fast)] }, WAITS],
  [
    'is bound before its first pod to the volume kept for it',
    claim('c', fast),
    { classes: [later], volumes: [volume('v', { spec: { storageClassName: 'fast', claimRef: { name: 'c', namespace: 'default' } } })] },
    BOUND_TO_V,
  ],
  [
    'is noted with who makes its volume first',
    claim('c', { ...fast, annotations: { [SELECTED]: 'one' } }),
    { classes: [later], nodes: [node('one')] },
    ['write c with no volume'],
  ],
  [
    'gets a volume on the node that was selected',
    claim('c', { ...fast, annotations: { [SELECTED]: 'one', ...PROVISIONER } }),
    { classes: [later], nodes: [node('one'), node('two')] },
    ['create pvc-uid-c', 'Normal ProvisioningSucceeded: Successfully provisioned volume pvc-uid-c using davit.dev/local'],
  ],
  [
    'goes back to the scheduler when the selected node is gone',
    claim('c', { ...fast, annotations: { [SELECTED]: 'gone', ...PROVISIONER } }),
    { classes: [later], nodes: [node('one')] },
    ['Warning ProvisioningFailed: node "gone" not found', 'write c with no volume'],
  ],
  [
    'says that the node does not keep volumes',
    claim('c', { ...fast, annotations: { [SELECTED]: 'one', ...PROVISIONER } }),
    { classes: [later], nodes: [node('one', { directory: null })] },
    ['Warning ProvisioningFailed: failed to provision volume with StorageClass "fast": node "one" does not say where its volumes are kept'],
  ],
  [
    'gets its volume at once on the node with the fewest',
    claim('c', { ...fast, annotations: PROVISIONER }),
    {
      classes: [storageClass('fast')],
      nodes: [node('zero', { ready: 'False' }), node('one'), node('two')],
      volumes: [volume('v', { phase: 'Bound', labels: { 'kubernetes.io/hostname': 'one' } })],
    },
    ['create pvc-uid-c', 'Normal ProvisioningSucceeded: Successfully provisioned volume pvc-uid-c using davit.dev/local'],
  ],
  ['says that its class is unknown', claim('c', fast), {}, ['Warning ProvisioningFailed: storageclass.storage.k8s.io "fast" not found']],
  [
    'waits for another provisioner',
    claim('c', { ...fast, annotations: { 'volume.kubernetes.io/storage-provisioner': 'example.com/x' } }),
    { classes: [storageClass('fast', { provisioner: 'example.com/x' })] },
    [
      "Normal ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'example.com/x' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.",
    ],
  ],
  [
    'is given the default class it came before',
    claim('c'),
    { classes: [{ ...later, metadata: { name: 'fast', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } }] },
    ['write c with no volume'],
  ],
  [
    'is lost with its volume',
    claim('c', { spec: { volumeName: 'v' }, annotations: DONE, phase: 'Bound' }),
    {},
    ['c is Lost', 'Warning ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!'],
  ],
  [
    'is lost when another has its volume',
    claim('c', { spec: { volumeName: 'v' }, annotations: DONE, phase: 'Bound' }),
    { volumes: [volume('v', { spec: { claimRef: { name: 'd', namespace: 'default', uid: 'uid-d' } } })] },
    ['c is Lost', 'Warning ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly'],
  ],
] as const) {
  test(`a claim ${why}`, () => assert.deepEqual(words(planFor(subject, world as World)), wanted))
}

test('a provisioned volume is bound to its claim and its node from the start', () => {
  const [action] = planFor(claim('c', { ...fast, annotations: { [SELECTED]: 'one', ...PROVISIONER } }), {
    classes: [later],
    nodes: [node('one')],
  })
  assert.equal(action?.kind, 'create-volume')
  const made = (action as Extract<Action, { kind: 'create-volume' }>).volume
  assert.deepEqual(made.metadata, { name: 'pvc-uid-c', labels: { 'kubernetes.io/hostname': 'one' }, annotations: PROVISIONED })
  assert.deepEqual(made.spec, {
    local: { path: '/claims/pvc-uid-c' },
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace: 'default', name: 'c', uid: 'uid-c', resourceVersion: '7' },
    persistentVolumeReclaimPolicy: 'Delete',
    storageClassName: 'fast',
    volumeMode: 'Filesystem',
    nodeAffinity: {
      required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['one'] }] }] },
    },
  })
})

for (const [parameters, source, isPinned] of [
  [{ path: '/mnt/ssd/' }, { local: { path: '/mnt/ssd/pvc-uid-c' } }, true],
  [{ volume: 'docker' }, { csi: { driver: 'docker.davit.dev', volumeHandle: 'pvc-uid-c', volumeAttributes: { driver: 'local' } } }, true],
  [
    { volume: 'docker', driver: 'rexray', 'opt.size': '10G', scope: 'global' },
    { csi: { driver: 'docker.davit.dev', volumeHandle: 'pvc-uid-c', volumeAttributes: { driver: 'rexray', 'opt.size': '10G' } } },
    false,
  ],
  [
    { volume: 'docker', driver: 'rexray' },
    { csi: { driver: 'docker.davit.dev', volumeHandle: 'pvc-uid-c', volumeAttributes: { driver: 'rexray' } } },
    true,
  ],
] as const) {
  test(`a class with ${JSON.stringify(parameters)} makes volumes so`, () => {
    const classes = [storageClass('fast', { parameters })]
    const [action] = planFor(claim('c', { ...fast, annotations: PROVISIONER }), { classes, nodes: [node('one')] })
    assert.equal(action?.kind, 'create-volume')
    const { spec, metadata } = (action as Extract<Action, { kind: 'create-volume' }>).volume
    assert.deepEqual({ ...(spec.local && { local: spec.local }), ...(spec.csi && { csi: spec.csi }) }, source)
    assert.equal(spec.nodeAffinity !== undefined, isPinned)
    assert.equal(metadata.labels !== undefined, isPinned)
  })
}

for (const [parameters, why] of [
  [{ size: '1' }, 'StorageClass parameter "size" is not known'],
  [{ path: 'relative' }, 'StorageClass parameter "path" is "relative", wanted an absolute path without ".."'],
  [{ volume: 'tape' }, 'StorageClass parameter "volume" is "tape", wanted "directory" or "docker"'],
] as const) {
  test(`a class with ${JSON.stringify(parameters)} makes none`, () => {
    const classes = [storageClass('fast', { parameters })]
    assert.deepEqual(words(planFor(claim('c', { ...fast, annotations: PROVISIONER }), { classes, nodes: [node('one')] })), [
      `Warning ProvisioningFailed: failed to provision volume with StorageClass "fast": ${why}`,
    ])
  })
}

test('a bound claim that asks for more has it at once, the volume first', () => {
  const subject = claim('c', { spec: { volumeName: 'v', storageClassName: 'fast' }, annotations: DONE, phase: 'Bound', size: '2Gi' })
  subject.status = { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] }
  const claimRef = { name: 'c', namespace: 'default', uid: 'uid-c' }
  const volumes = [volume('v', { annotations: PROVISIONED, spec: { storageClassName: 'fast', claimRef } })]
  const growing = storageClass('fast', { allowVolumeExpansion: true })
  const plan = planFor(subject, { volumes, classes: [growing] })
  assert.deepEqual(words(plan), ['write v for c', 'c is Bound', 'Normal VolumeResizeSuccessful: Resize volume succeeded'])
  assert.deepEqual((plan[0] as Extract<Action, { kind: 'write-volume' }>).volume.spec.capacity, { storage: '2Gi' })
  assert.deepEqual((plan[1] as Extract<Action, { kind: 'write-claim-status' }>).status.capacity, { storage: '2Gi' })
  assert.deepEqual(planFor(subject, { volumes, classes: [storageClass('fast')] }), [])
})

const reference = { name: 'c', namespace: 'default', uid: 'uid-c' }
const planOf = (subject: PersistentVolume, owner: PersistentVolumeClaim | undefined, nodes: Node[] = []) =>
  words(planVolume({ volume: subject, claim: owner, nodes: named(nodes), now: 0 }))
const has = (name: string) => claim('c', { spec: { volumeName: name } })

for (const [why, subject, owner, wanted] of [
  ['without a claim is available', volume('v', { phase: 'Pending' }), undefined, ['v is Available']],
  ['with its claim is bound', volume('v', { spec: { claimRef: reference } }), has('v'), ['v is Bound']],
  ['chosen for a claim waits for it', volume('v', { spec: { claimRef: reference } }), claim('c'), ['look at default/c']],
  ['whose claim is gone is released', volume('v', { phase: 'Bound', spec: { claimRef: reference } }), undefined, ['v is Released']],
  [
    'whose claim was replaced is released',
    volume('v', { phase: 'Bound', spec: { claimRef: { ...reference, uid: 'older' } } }),
    claim('c'),
    ['v is Released'],
  ],
  [
    'that is to be recycled fails',
    volume('v', { phase: 'Bound', spec: { claimRef: reference, persistentVolumeReclaimPolicy: 'Recycle' } }),
    undefined,
    ['v is Released', 'v is Failed', 'Warning VolumeFailedRecycle: No recycler plugin found for the volume!'],
  ],
  [
    'that nobody can delete fails',
    volume('v', { phase: 'Released', spec: { claimRef: reference, persistentVolumeReclaimPolicy: 'Delete' } }),
    undefined,
    ['v is Failed', 'Warning VolumeFailedDelete: error getting deleter volume plugin for volume "v": no volume plugin matched'],
  ],
  [
    'that another provisioner made is left to it',
    volume('v', {
      phase: 'Released',
      annotations: { 'pv.kubernetes.io/provisioned-by': 'example.com/x' },
      spec: { claimRef: reference, persistentVolumeReclaimPolicy: 'Delete' },
    }),
    undefined,
    [],
  ],
  [
    'that we chose for a claim which found another is free again',
    volume('v', { annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' }, spec: { claimRef: reference } }),
    has('w'),
    ['write v for nobody'],
  ],
  ['that the user kept for a claim stays kept', volume('v', { spec: { claimRef: reference } }), has('w'), ['write v for c']],
  [
    'that was made for a claim which found another goes',
    volume('v', { annotations: PROVISIONED, spec: { claimRef: reference, persistentVolumeReclaimPolicy: 'Delete', nodeAffinity: {} } }),
    has('w'),
    ['v is Released'],
  ],
] as const) {
  test(`a volume ${why}`, () => assert.deepEqual(planOf(subject, owner), wanted))
}

test('a volume that every node can reach is removed by one that lives', () => {
  const spec = { claimRef: reference, persistentVolumeReclaimPolicy: 'Delete' as const }
  const subject = volume('v', { phase: 'Released', annotations: PROVISIONED, spec })
  const [action, ...more] = planVolume({
    volume: subject,
    claim: undefined,
    nodes: named([node('a', { ready: 'False' }), node('b')]),
    now: 0,
  })
  assert.deepEqual(more, [])
  assert.deepEqual((action as Extract<Action, { kind: 'write-volume' }>).volume.metadata.labels, { 'kubernetes.io/hostname': 'b' })
  const labelled = volume('v', { phase: 'Released', annotations: PROVISIONED, labels: { 'kubernetes.io/hostname': 'b' }, spec })
  assert.deepEqual(planOf(labelled, undefined, [node('b')]), [])
})

test('what others wrote into the status of a volume stays beside its phase', () => {
  const status = { phase: 'Available', message: 'by hand', reason: 'Test' } as const
  const observed = { claim: undefined, nodes: new Map(), now: Date.parse('2026-01-01T00:00:00Z') }
  assert.deepEqual(planVolume({ ...observed, volume: { ...volume('v'), status } }), [])
  const released = volume('v', { spec: { claimRef: { kind: 'PersistentVolumeClaim', name: 'c', namespace: 'default', uid: 'gone' } } })
  const [action] = planVolume({ ...observed, volume: { ...released, status } })
  assert.ok(action?.kind === 'write-volume-status')
  assert.deepEqual(action.status, { phase: 'Released', reason: 'Test', lastPhaseTransitionTime: '2026-01-01T00:00:00Z' })
})
