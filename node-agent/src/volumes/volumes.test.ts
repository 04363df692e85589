import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Clock, PersistentVolume, Pod, PodSpec, VolumeMount } from '@davit/api'
import { containerDevice, containerMount } from './container-mounts.ts'
import { nfsVolume, storedVolume } from './docker-volume.ts'
import { memorySize } from './empty-dir.ts'
import { groupMode } from './fs-group.ts'
import { inTurn } from './in-turn.ts'
import { servesNode } from './node-affinity.ts'
import { followedBy } from './payload.ts'
import { reclaimOf } from './reclaim.ts'
import type { Prepared } from './source.ts'
import { checkedSubPath } from './sub-path.ts'
import { createTokens, type IssueToken } from './tokens.ts'

const pod = (spec: Partial<PodSpec> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
  spec: { containers: [{ name: 'main', image: 'app:1' }], ...spec },
})

describe('containerMount()', () => {
  const path: Prepared = { from: 'path', path: '/p', readOnly: false }
  const stored: Prepared = { from: 'docker', name: 'pvc-1', readOnly: false }
  const mount = (fields: Partial<VolumeMount> = {}): VolumeMount => ({ name: 'v', mountPath: '/v', ...fields })
  const bind = (fields: object, options: object = {}) => ({
    Type: 'bind',
    Source: '/p',
    Target: '/v',
    ReadOnly: false,
    BindOptions: { ...options },
    ...fields,
  })
  for (const [what, given, prepared, context, wanted] of [
    ['binds a path', mount(), path, {}, bind({})],
    ['makes a relative place absolute', mount({ mountPath: 'v' }), path, {}, bind({})],
    ['lets mounts through to the node', mount({ mountPropagation: 'Bidirectional' }), path, {}, bind({}, { Propagation: 'rshared' })],
    ['heeds readOnly of the volume', mount(), { ...path, readOnly: true }, {}, bind({ ReadOnly: true })],
    ['binds the part of a subPath', mount({ readOnly: true }), path, { bound: '/b' }, bind({ Source: '/b', ReadOnly: true })],
    [
      'leaves what is below a read-only mount writable, as Kubernetes does',
      mount({ readOnly: true }),
      path,
      { apiVersion: '1.44' },
      bind({ ReadOnly: true }, { ReadOnlyNonRecursive: true }),
    ],
    [
      'makes it read-only when it must be',
      mount({ readOnly: true, recursiveReadOnly: 'Enabled' }),
      path,
      { apiVersion: '1.44' },
      bind({ ReadOnly: true }, { ReadOnlyForceRecursive: true }),
    ],
    [
      'and where it can be',
      mount({ readOnly: true, recursiveReadOnly: 'IfPossible' }),
      path,
      { apiVersion: '1.44' },
      bind({ ReadOnly: true }),
    ],
    ['or not', mount({ readOnly: true, recursiveReadOnly: 'IfPossible' }), path, {}, bind({ ReadOnly: true })],
    [
      'names a volume of Docker, and never fills it',
      mount({ readOnly: true }),
      stored,
      {},
      { Type: 'volume', Source: 'pvc-1', Target: '/v', ReadOnly: true, VolumeOptions: { NoCopy: true } },
    ],
    [
      'names a part of it from Docker 26 on',
      mount(),
      stored,
      { apiVersion: '1.45', subPath: 'a' },
      { Type: 'volume', Source: 'pvc-1', Target: '/v', ReadOnly: false, VolumeOptions: { NoCopy: true, Subpath: 'a' } },
    ],
  ] as const) {
    it(what, () => assert.deepEqual(containerMount(given, prepared, { apiVersion: '1.41', ...context }), wanted))
  }
  for (const [given, prepared, context, why] of [
    [mount({ readOnly: true, recursiveReadOnly: 'Enabled' }), path, {}, /not supported by the runtime/],
    [mount(), stored, { subPath: 'a' }, /needs Docker 26/],
    [mount(), { from: 'device', path: '/dev/sdb', readOnly: false }, {}, /volumeMode Block/],
  ] as const) {
    it(`says ${why.source}`, () => assert.throws(() => containerMount(given, prepared, { apiVersion: '1.41', ...context }), why))
  }

  it('containerDevice() hands out block devices and nothing else', () => {
    const device = { name: 'v', devicePath: '/dev/xvda' }
    assert.deepEqual(containerDevice(device, { from: 'device', path: '/dev/sdb', readOnly: true }), {
      PathOnHost: '/dev/sdb',
      PathInContainer: '/dev/xvda',
      CgroupPermissions: 'r',
    })
    assert.throws(() => containerDevice(device, path), /volumeMode Filesystem/)
  })
})

describe('what Docker is asked to make', () => {
  it('a network file system', () => {
    const volume = { name: 'share' }
    const source = { server: 'nfs.example', path: '/exports/a' }
    assert.deepEqual(nfsVolume(source, { pod: pod(), volume, labels: { a: 'b' }, mountOptions: ['nfsvers=4.1', 'hard'] }), {
      Name: 'davit-u1-share',
      Driver: 'local',
      DriverOpts: { type: 'nfs', o: 'addr=nfs.example,rw,nfsvers=4.1,hard', device: ':/exports/a' },
      Labels: { a: 'b' },
    })
    assert.equal(nfsVolume({ ...source, readOnly: true }, { pod: pod(), volume }).DriverOpts.o, 'addr=nfs.example,ro')
  })

  it('a volume of a plug-in', () => {
    const volumeAttributes = { driver: 'rexray', 'opt.size': '10', provisioner: 'x' }
    assert.deepEqual(storedVolume({ driver: 'docker.davit.dev', volumeHandle: 'pvc-1', volumeAttributes }, { a: 'b' }), {
      Name: 'pvc-1',
      Driver: 'rexray',
      DriverOpts: { size: '10' },
      Labels: { a: 'b' },
    })
    assert.equal(storedVolume({ driver: 'docker.davit.dev', volumeHandle: 'pvc-1' }, {}).Driver, 'local')
  })
})

describe('createTokens()', () => {
  const world = (lifeMs: number) => {
    let now = 0
    let issued = 0
    const state = { isAway: false }
    const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => {} }
    const issue: IssueToken = async (_, { audience }) => {
      if (state.isAway) throw new Error('The API is away')
      return { token: `${audience}${++issued}`, lifeMs }
    }
    const tokens = createTokens({ issue, clock, random: () => 0 })
    const at = (ms: number) => {
      now = ms
    }
    return { tokens, state, at, get: () => tokens.get(pod(), { path: 't', audience: 'a' }) }
  }

  it('renews at four fifths of a token’s life', async () => {
    const { get, at, tokens } = world(3_600_000)
    assert.equal(await get(), 'a1')
    assert.equal(tokens.dueInMs('u1'), 2_880_000)
    at(2_879_999)
    assert.equal(await get(), 'a1')
    at(2_880_000)
    assert.deepEqual(await Promise.all([get(), get()]), ['a2', 'a2'], 'asked for once')
  })

  it('renews after a day, however long a token lives', async () => {
    const { tokens, get } = world(365 * 86_400_000)
    await get()
    assert.equal(tokens.dueInMs('u1'), 86_400_000)
    tokens.forget('u1')
    assert.equal(tokens.dueInMs('u1'), undefined)
  })

  it('keeps a token that is still good while no other can be had, and no longer', async () => {
    const { get, at, state, tokens } = world(600_000)
    await get()
    state.isAway = true
    at(500_000)
    assert.equal(await get(), 'a1')
    assert.equal(tokens.dueInMs('u1'), 30_000)
    at(600_001)
    await assert.rejects(get(), /away/)
  })
})

describe('which volumes are served and reclaimed', () => {
  const volume = (fields: Partial<PersistentVolume['spec']>, { phase = 'Released', by = 'davit.dev/local', node = 'n1' } = {}) =>
    ({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name: 'pvc-1',
        labels: { 'kubernetes.io/hostname': node },
        annotations: { 'pv.kubernetes.io/provisioned-by': by },
      },
      spec: { persistentVolumeReclaimPolicy: 'Delete', local: { path: '/data/pvc-1' }, ...fields },
      status: { phase },
    }) as PersistentVolume

  it('reclaimOf() names what is to go', () => {
    assert.deepEqual(reclaimOf(volume({}), 'n1'), { kind: 'directory', path: '/data/pvc-1' })
    const { local: _, ...rest } = volume({}).spec
    const csi = { driver: 'docker.davit.dev', volumeHandle: 'pvc-1', volumeAttributes: { driver: 'rexray' } }
    const stored = { ...volume({}), spec: { ...rest, csi } }
    assert.deepEqual(reclaimOf(stored, 'n1'), { kind: 'docker-volume', name: 'pvc-1', driver: 'rexray' })
  })

  for (const [what, other] of [
    ['another node’s', volume({}, { node: 'n2' })],
    ['one that is bound', volume({}, { phase: 'Bound' })],
    ['one that is to be kept', volume({ persistentVolumeReclaimPolicy: 'Retain' })],
    ['another provisioner’s', volume({}, { by: 'ebs.csi.aws.com' })],
  ] as const) {
    it(`reclaimOf() leaves ${what}`, () => assert.equal(reclaimOf(other, 'n1'), undefined))
  }

  for (const path of ['/', '/pvc-1', '/data', '/data/pvc-1/', '/data/../pvc-1', 'data/pvc-1', '/data/pvc-1/..', '/data/./pvc-1', '']) {
    it(`reclaimOf() refuses ${JSON.stringify(path)}`, () =>
      assert.throws(() => reclaimOf(volume({ local: { path } }), 'n1'), /cannot be that of/))
  }

  for (const [operator, values, isServed] of [
    ['In', ['a', 'b'], true],
    ['In', ['c'], false],
    ['NotIn', ['a'], false],
    ['Exists', [], true],
    ['DoesNotExist', [], false],
  ] as const) {
    it(`servesNode() knows ${operator} ${values.join()}`, () => {
      const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator, values: [...values] }] }] }
      assert.equal(servesNode(volume({ nodeAffinity: { required } }), { name: 'n1', labels: { zone: 'a' } }), isServed)
    })
  }
  it('servesNode() takes any node when none is asked for, and none for an empty term', () => {
    assert.equal(servesNode(volume({}), { name: 'n1', labels: {} }), true)
    assert.equal(servesNode(volume({ nodeAffinity: { required: { nodeSelectorTerms: [{}] } } }), { name: 'n1', labels: {} }), false)
  })
})

it('memorySize() takes the least of the limits there are', () => {
  const limited = (memory: string) =>
    pod({
      containers: [
        { name: 'a', image: 'x', resources: { limits: { memory } } },
        { name: 'b', image: 'x' },
      ],
    })
  assert.equal(memorySize(pod(), undefined), undefined)
  assert.equal(memorySize(pod(), '1Mi'), 1 << 20)
  assert.equal(memorySize(limited('4Mi'), undefined), 4 << 20)
  assert.equal(memorySize(limited('4Mi'), '1Mi'), 1 << 20)
  assert.equal(memorySize(limited('4Mi'), '0'), 4 << 20)
})

it('groupMode() adds what the group may, and takes nothing', () => {
  const modes = (mode: number) =>
    [
      { isDirectory: false, readOnly: true },
      { isDirectory: false, readOnly: false },
      { isDirectory: true, readOnly: true },
      { isDirectory: true, readOnly: false },
    ].map(of => groupMode(mode, of).toString(8))
  assert.deepEqual(modes(0o600), ['640', '660', '2750', '2770'])
  assert.deepEqual(modes(0o100777), ['777', '777', '2777', '2777'])
})

it('checkedSubPath() refuses what leads out, in Kubernetes’ words', () => {
  assert.equal(checkedSubPath('a/..b/c'), 'a/..b/c')
  assert.throws(() => checkedSubPath('/a'), { message: 'error SubPath `/a` must not be an absolute path' })
  assert.throws(() => checkedSubPath('a/../b'), { message: "unable to provision SubPath `a/../b`: must not contain '..'" })
})

it('followedBy() names every object behind the pod’s files', () => {
  const volumes = [
    { name: 'a', configMap: { name: 'm1' } },
    { name: 'b', secret: { secretName: 's1' } },
    {
      name: 'c',
      projected: { sources: [{ secret: { name: 's2' } }, { configMap: { name: 'm2' } }, { serviceAccountToken: { path: 't' } }] },
    },
    { name: 'd', emptyDir: {} },
  ]
  assert.deepEqual(
    followedBy(pod({ volumes })).map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
    ['ConfigMap shop/m1', 'Secret shop/s1', 'Secret shop/s2', 'ConfigMap shop/m2'],
  )
})

it('inTurn() runs work on one key in order, and goes on after a failure', async () => {
  const turns = inTurn()
  const done: string[] = []
  const step =
    (name: string, fails = false) =>
    async () => {
      await new Promise(resolve => setImmediate(resolve))
      done.push(name)
      if (fails) throw new Error(name)
    }
  const results = await Promise.allSettled([turns('a', step('a1', true)), turns('a', step('a2')), turns('b', step('b1'))])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  assert.deepEqual(
    done.filter(name => name.startsWith('a')),
    ['a1', 'a2'],
  )
})
