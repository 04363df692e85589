/** Claims, volumes and the pods that use them: registry, controllers and scheduler together on a real etcd. Agents are played by the test. */
import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import {
  type ApiError,
  type Event,
  eventKind,
  isReason,
  type Kind,
  type KubernetesObject,
  type Node,
  namespaceKind,
  nodeKind,
  type PersistentVolumeClaim,
  type PersistentVolumeClaimSpec,
  type PersistentVolumeSpec,
  type Pod,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  type StorageClass,
  storageClassKind,
  systemClock,
  type Volume,
} from '@davit/api'
import { bootstrap, createInProcessClient } from '../../apiserver/registry/index.ts'
import { pod as makePod, node, startTestRegistry, type TestRegistry } from '../../apiserver/registry/testing/index.ts'
import { startScheduler } from '../../scheduler/index.ts'
import { startControllers } from '../index.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const NODES = ['one', 'two']
let registry: TestRegistry
let stop: AbortController
let running: Promise<unknown>
let namespace: string
let count = 0

const start = () => {
  stop = new AbortController()
  const options = { client: registry.client, clock: systemClock, log, signal: stop.signal }
  running = Promise.allSettled([startControllers(options), startScheduler(options)])
}
const halt = async () => {
  stop.abort()
  await running
}

before(async () => {
  registry = await startTestRegistry()
  for (const name of NODES) {
    const made = await registry.client.resource(nodeKind).create({
      ...node(name),
      metadata: { name, labels: { 'kubernetes.io/hostname': name }, annotations: { 'davit.dev/volumes-directory': '/claims' } },
    })
    const conditions = [{ type: 'Ready', status: 'True' as const }]
    const status = { conditions, allocatable: { cpu: '100', memory: '100Gi', pods: '1000' } }
    await registry.client.resource(nodeKind).update({ ...made, status }, { subresource: 'status' })
  }
})
beforeEach(async () => {
  namespace = `storage-${++count}`
  await registry.client.resource(namespaceKind).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  start()
})
afterEach(halt)
after(async () => registry[Symbol.asyncDispose]())

const claims = () => registry.client.resource(persistentVolumeClaimKind)
const volumes = () => registry.client.resource(persistentVolumeKind)
const pods = () => registry.client.resource(podKind)

const makeClaim = (name: string, spec: PersistentVolumeClaimSpec = {}, size = '1Gi') =>
  claims().create({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...spec },
  })

const makeVolume = (name: string, spec: Partial<PersistentVolumeSpec> = {}) =>
  volumes().create({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/x' }, ...spec },
  })

const makeClass = (name: string, rest: Partial<StorageClass>) =>
  registry.client
    .resource(storageClassKind)
    .create({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, provisioner: 'davit.dev/local', ...rest })

const usePod = (name: string, volume: Omit<Volume, 'name'>) =>
  pods().create(makePod(name, { volumes: [{ name: 'data', ...volume }] }, { namespace }))
const useClaim = (name: string, claimName: string) => usePod(name, { persistentVolumeClaim: { claimName } })

/** The object once `holds` is true of it. */
async function when<T extends KubernetesObject>(kind: Kind<T>, name: string, holds: (object: T) => unknown): Promise<T> {
  const scope = kind.namespaced ? { namespace } : {}
  const { object } = await registry.event(kind, { ...scope, fieldSelector: `metadata.name=${name}` }, event => {
    return (event.type === 'ADDED' || event.type === 'MODIFIED') && Boolean(holds(event.object as T))
  })
  return object as T
}

const gone = <T extends KubernetesObject>(kind: Kind<T>, object: T) =>
  registry.event(
    kind,
    { ...(kind.namespaced && { namespace }), resourceVersion: object.metadata.resourceVersion ?? '' },
    ({ type, object: other }) => {
      return type === 'DELETED' && other.metadata.name === object.metadata.name
    },
  )

const bound = (name: string) => when(persistentVolumeClaimKind, name, ({ status }) => status?.phase === 'Bound')
const placed = (name: string) => when(podKind, name, ({ spec }) => spec.nodeName)
const told = async (reason: string, inNamespace = namespace) => {
  const { object } = await registry.event(
    eventKind,
    { namespace: inNamespace },
    event => event.type !== 'DELETED' && (event.object as Event).reason === reason,
  )
  return object as Event
}
const drop = (pod: Pod) => pods().delete({ namespace, name: pod.metadata.name ?? '' }, { gracePeriodSeconds: 0 })

describe('storage', () => {
  test('a claim gets its volume on the node of its first pod, and later pods go there', async () => {
    const claim = await makeClaim('data')
    assert.equal(claim.spec.storageClassName, 'local')
    assert.deepEqual(claim.metadata.finalizers, ['kubernetes.io/pvc-protection'])
    assert.equal((await told('WaitForFirstConsumer')).message, 'waiting for first consumer to be created before binding')
    await useClaim('first', 'data')
    const first = await placed('first')
    const after = await bound('data')
    assert.deepEqual(after.status?.capacity, { storage: '1Gi' })
    const volume = await when(persistentVolumeKind, after.spec.volumeName ?? '', ({ status }) => status?.phase === 'Bound')
    assert.equal(volume.metadata.name, `pvc-${claim.metadata.uid}`)
    assert.deepEqual(volume.spec.local, { path: `/claims/pvc-${claim.metadata.uid}` })
    assert.equal(volume.metadata.labels?.['kubernetes.io/hostname'], first.spec.nodeName)
    await drop(first)
    for (const name of ['second', 'third', 'fourth']) {
      await useClaim(name, 'data')
      assert.equal((await placed(name)).spec.nodeName, first.spec.nodeName)
    }
  })

  test('a claim that a pod uses stays, and its volume is released after both', async () => {
    await makeClaim('data')
    await useClaim('user', 'data')
    const user = await placed('user')
    const { spec } = await bound('data')
    await claims().delete({ namespace, name: 'data' })
    const leaving = await when(persistentVolumeClaimKind, 'data', ({ metadata }) => metadata.deletionTimestamp)
    assert.deepEqual(leaving.metadata.finalizers, ['kubernetes.io/pvc-protection'])
    // A volume that belongs to a claim stays as well.
    await volumes().delete({ name: spec.volumeName ?? '' })
    const terminating = await when(persistentVolumeKind, spec.volumeName ?? '', ({ metadata }) => metadata.deletionTimestamp)
    const late = await useClaim('late', 'data')
    const condition = await when(podKind, 'late', ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Unschedulable'))
    assert.equal(
      condition.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message,
      '0/2 nodes are available: persistentvolumeclaim "data" is being deleted.',
    )
    assert.equal((await claims().get({ namespace, name: 'data' })).metadata.uid, leaving.metadata.uid)
    await drop(late)
    await drop(user)
    await gone(persistentVolumeClaimKind, leaving)
    // Its data is still there: whoever removes it lets the object go.
    await when(
      persistentVolumeKind,
      spec.volumeName ?? '',
      ({ metadata, status }) => status?.phase === 'Released' && metadata.finalizers?.length,
    )
    const agent = createInProcessClient(registry.registry, { name: `system:node:${user.spec.nodeName}`, groups: ['system:nodes'] })
    await agent.resource(persistentVolumeKind).delete({ name: spec.volumeName ?? '' })
    await gone(persistentVolumeKind, terminating)
  })

  test('as many claims as volumes race, and each volume has one', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `race-${index}`)
    await makeClass('race', { provisioner: 'kubernetes.io/no-provisioner' })
    const spec = { storageClassName: 'race' }
    await Promise.all([...names.map(name => makeVolume(name, spec)), ...names.map(name => makeClaim(name, spec))])
    const owners = (await Promise.all(names.map(bound))).map(({ spec }) => spec.volumeName)
    assert.deepEqual(owners.sort(), [...names].sort())
  })

  test('whoever leads may be stopped at any time: every claim gets one volume, and none is left over', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `c${index}`)
    await makeClass('now', {})
    const made = Promise.all(names.map(name => makeClaim(name, { storageClassName: 'now' })))
    for (let round = 0; round < 4; round++) {
      await when(persistentVolumeClaimKind, `c${round * 5}`, ({ metadata }) => Object.keys(metadata.annotations ?? {}).length > 0)
      await halt()
      start()
    }
    await made
    const owners = (await Promise.all(names.map(bound))).map(({ spec }) => spec.volumeName)
    assert.equal(new Set(owners).size, names.length)
    const { items } = await volumes().list()
    const mine = items.filter(({ spec }) => spec.claimRef?.namespace === namespace)
    assert.deepEqual(mine.map(({ metadata }) => metadata.name).sort(), owners.sort())
  })

  test('a pod waits for its claims, and says what for', async () => {
    const why = async (name: string) => {
      const { status } = await when(podKind, name, ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Unschedulable'))
      return status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message
    }
    await useClaim('none', 'missing')
    assert.equal(await why('none'), '0/2 nodes are available: persistentvolumeclaim "missing" not found.')
    await makeClaim('strange', { storageClassName: 'strange' })
    await useClaim('immediate', 'strange')
    assert.equal(await why('immediate'), '0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.')
    assert.equal((await told('ProvisioningFailed')).message, 'storageclass.storage.k8s.io "strange" not found')
    await makeClass('hand-made', { provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' })
    await makeClaim('late', { storageClassName: 'hand-made' })
    await useClaim('static', 'late')
    assert.equal(await why('static'), "0/2 nodes are available: 2 node(s) didn't find available persistent volumes to bind.")
    const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In' as const, values: ['two'] }]
    await makeVolume('on-two', { storageClassName: 'hand-made', nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } } })
    assert.equal((await placed('static')).spec.nodeName, 'two')
    assert.equal((await bound('late')).spec.volumeName, 'on-two')
    await volumes().delete({ name: 'on-two' })
  })

  test('a claim for one pod lets no second in until the first is gone', async () => {
    await makeClaim('single', { accessModes: ['ReadWriteOncePod'] })
    await useClaim('a', 'single')
    const first = await placed('a')
    await useClaim('b', 'single')
    const { status } = await when(podKind, 'b', ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Unschedulable'))
    const words = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode'
    assert.equal(status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message, `0/2 nodes are available: 2 ${words}.`)
    await drop(first)
    assert.equal((await placed('b')).spec.nodeName, first.spec.nodeName)
  })

  test('an ephemeral volume is a claim of the pod alone', async () => {
    const template = { spec: { accessModes: ['ReadWriteOnce' as const], resources: { requests: { storage: '1Gi' } } } }
    await usePod('worker', { ephemeral: { volumeClaimTemplate: template } })
    const worker = await placed('worker')
    const claim = await bound('worker-data')
    assert.equal(claim.metadata.ownerReferences?.[0]?.uid, worker.metadata.uid)
    await makeClaim('other-data')
    await usePod('other', { ephemeral: { volumeClaimTemplate: template } })
    const { status } = await when(podKind, 'other', ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Unschedulable'))
    assert.match(status?.conditions?.[0]?.message ?? '', /pod is not owner/)
    await drop(worker)
    await gone(persistentVolumeClaimKind, claim)
  })

  test('a claim grows when its class lets it', async () => {
    await makeClaim('data')
    await useClaim('user', 'data')
    const claim = await bound('data')
    const resize = (object: PersistentVolumeClaim, storage: string) =>
      claims().update({ ...object, spec: { ...object.spec, resources: { requests: { storage } } } })
    await resize(claim, '5Gi')
    await when(persistentVolumeClaimKind, 'data', ({ status }) => status?.capacity?.storage === '5Gi')
    await when(persistentVolumeKind, claim.spec.volumeName ?? '', ({ spec }) => spec.capacity?.storage === '5Gi')
    await told('VolumeResizeSuccessful')
    const grown = await claims().get({ namespace, name: 'data' })
    await assert.rejects(resize(grown, '2Gi'), /field can not be less than status.capacity/)
    await makeClass('fixed', {})
    await makeClaim('small', { storageClassName: 'fixed' })
    const fixed = await bound('small')
    await assert.rejects(
      resize(fixed, '2Gi'),
      (error: ApiError) => error.reason === 'Forbidden' && /must support resize/.test(error.message),
    )
  })

  test('a volume that was claimed is kept or fails as it says', async () => {
    await makeVolume('kept', { claimRef: { namespace, name: 'k' }, storageClassName: '' })
    await makeVolume('recycled', { claimRef: { namespace, name: 'r' }, persistentVolumeReclaimPolicy: 'Recycle' })
    await makeClaim('k', { storageClassName: '' })
    await makeClaim('r', { storageClassName: '' })
    assert.equal((await bound('k')).spec.volumeName, 'kept')
    assert.equal((await bound('r')).spec.volumeName, 'recycled')
    for (const name of ['k', 'r']) await claims().delete({ namespace, name })
    await when(persistentVolumeKind, 'kept', ({ status }) => status?.phase === 'Released')
    await when(persistentVolumeKind, 'recycled', ({ status }) => status?.phase === 'Failed')
    assert.equal((await told('VolumeFailedRecycle', 'default')).message, 'No recycler plugin found for the volume!')
    // The next claim of that name does not get the data of the last.
    await makeClaim('k', { storageClassName: '' })
    await told('FailedBinding')
    assert.equal((await volumes().get({ name: 'kept' })).status?.phase, 'Released')
  })

  test('a pod whose data is on a lost node stays until the node is known to be down', async () => {
    await makeClaim('data')
    const tolerations = [
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists' as const, effect: 'NoExecute' as const, tolerationSeconds: 0 },
    ]
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
    await pods().create(makePod('tied', { volumes, tolerations }, { namespace }))
    const tied = await placed('tied')
    const name = tied.spec.nodeName ?? ''
    await bound('data')
    const toNode = { nodeSelector: { 'kubernetes.io/hostname': name }, tolerations }
    await pods().create(makePod('free', toNode, { namespace }))
    const free = await placed('free')
    const nodes = registry.client.resource(nodeKind)
    // The controller of nodes writes, too.
    const edit = async (change: (node: Node) => Node, subresource?: 'status'): Promise<unknown> => {
      const node = await nodes.get({ name })
      return nodes.update(change(node), subresource ? { subresource } : {}).catch(error => {
        if (!isReason(error, 'Conflict')) throw error
        return edit(change, subresource)
      })
    }
    const taint = (key: string) =>
      edit(node => ({ ...node, spec: { ...node.spec, taints: [...(node.spec?.taints ?? []), { key, effect: 'NoExecute' }] } }))
    const setReady = (status: 'True' | 'Unknown') =>
      edit(node => ({ ...node, status: { ...node.status, conditions: [{ type: 'Ready', status }] } }), 'status')
    await setReady('Unknown')
    await taint('node.kubernetes.io/unreachable')
    await when(podKind, 'free', ({ metadata }) => metadata.deletionTimestamp)
    const { involvedObject, message } = await told('KeptOnLostNode')
    assert.equal(involvedObject.name, 'tied')
    assert.match(message ?? '', /the volume of claim "data" is there only/)
    assert.equal((await pods().get({ namespace, name: 'tied' })).metadata.deletionTimestamp, undefined)
    await taint('node.kubernetes.io/out-of-service')
    await Promise.all([tied, free].map(each => gone(podKind, each)))
    await edit(node => ({ ...node, spec: { ...node.spec, taints: [] } }))
    await setReady('True')
  })

  test('the StorageClass that every cluster begins with may be deleted for good', async () => {
    await registry.client.resource(storageClassKind).delete({ name: 'local' })
    await bootstrap(registry.registry, registry.storage, AbortSignal.timeout(10_000))
    const { items } = await registry.client.resource(storageClassKind).list()
    assert.ok(!items.some(({ metadata }) => metadata.name === 'local'))
    const { spec } = await makeClaim('plain')
    assert.equal(spec.storageClassName, undefined)
    const message = 'no persistent volumes available for this claim and no storage class is set'
    assert.equal((await told('FailedBinding')).message, message)
  })
})
