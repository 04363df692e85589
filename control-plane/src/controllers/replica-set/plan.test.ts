import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod, PodPhase, ReplicaSet } from '@davit/api'
import fc from 'fast-check'
import { type Action, type Observed, planReplicaSet } from './plan.ts'

const NOW = Date.parse('2026-01-01T00:01:00Z')

function set(replicas: number, spec: Partial<NonNullable<ReplicaSet['spec']>> = {}): ReplicaSet {
  const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [] } }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: 'web', uid: 'set', generation: 1 },
    spec: { replicas, selector: {}, template, ...spec },
  }
}

interface PodTraits {
  phase?: PodPhase
  ready?: boolean
  readySince?: string
  node?: string
  deleting?: boolean
  cost?: string
}

function pod(
  name: string,
  { phase = 'Running', ready = true, readySince = '2026-01-01T00:00:00Z', node = 'a', deleting = false, cost }: PodTraits = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      labels: { app: 'web' },
      ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
      ...(cost && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { containers: [], ...(node && { nodeName: node }) },
    status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: readySince }] },
  }
}

const plan = (observed: Partial<Observed> & Pick<Observed, 'set'>) =>
  planReplicaSet({ pods: [], strays: [], orphans: [], now: NOW, ...observed })
const deleted = (actions: readonly Action[]) => actions.flatMap(action => (action.kind === 'delete-pod' ? [action.pod.metadata.name] : []))
const created = (actions: readonly Action[]) => actions.reduce((sum, action) => sum + (action.kind === 'create-pods' ? action.count : 0), 0)

test('planReplicaSet() makes the pods that are missing', () => {
  assert.equal(created(plan({ set: set(3), pods: [pod('a')] })), 2)
})

for (const [what, traits] of [
  ['finished', { phase: 'Failed' }],
  ['succeeded', { phase: 'Succeeded' }],
  ['being deleted', { deleting: true }],
] as const) {
  test(`planReplicaSet() does not count a pod that is ${what}`, () => {
    assert.equal(created(plan({ set: set(1), pods: [pod('a', traits)] })), 1)
  })
}

test('planReplicaSet() takes over a matching pod that nobody owns instead of making one', () => {
  const actions = plan({ set: set(1), orphans: [pod('a')] })
  assert.equal(created(actions), 0)
  assert.ok(actions.some(action => action.kind === 'adopt-pod'))
})

test('planReplicaSet() lets a pod go that it does not select any more, and makes another', () => {
  const actions = plan({ set: set(1), strays: [pod('a'), pod('over', { phase: 'Failed' })] })
  assert.deepEqual(
    actions.flatMap(action => (action.kind === 'release-pod' ? [action.pod.metadata.name] : [])),
    ['a'],
  )
  assert.equal(created(actions), 1)
})

for (const [why, worse, better] of [
  ['has no node', { node: '' }, {}],
  ['is pending', { phase: 'Pending' }, {}],
  ['is not ready', { ready: false }, {}],
  ['costs less to delete', { cost: '-5' }, { cost: '5' }],
  ['became ready later', { readySince: '2026-01-01T00:00:30Z' }, {}],
] as const) {
  test(`planReplicaSet() deletes first the pod that ${why}`, () => {
    assert.deepEqual(deleted(plan({ set: set(1), pods: [pod('a-better', better), pod('b-worse', worse)] })), ['b-worse'])
  })
}

test('planReplicaSet() deletes from the node that has more of the pods', () => {
  const podsPerNode = new Map([
    ['full', 2],
    ['empty', 1],
  ])
  const pods = [pod('a', { node: 'empty' }), pod('b', { node: 'full' })]
  assert.deepEqual(deleted(plan({ set: set(1), pods, podsPerNode })), ['b'])
})

test('planReplicaSet() counts a pod as available once it has been ready for minReadySeconds, and looks again then', () => {
  const pods = [pod('old', { readySince: '2026-01-01T00:00:00Z' }), pod('new', { readySince: '2026-01-01T00:00:55Z' })]
  const actions = plan({ set: set(2, { minReadySeconds: 30 }), pods })
  const status = actions.find(action => action.kind === 'write-status')?.status
  assert.deepEqual([status?.readyReplicas, status?.availableReplicas], [2, 1])
  assert.equal(actions.find(action => action.kind === 'look-again')?.afterMs, 25_000)
})

test('planReplicaSet() does nothing once the pods and the status are as wanted', () => {
  const status = { replicas: 1, fullyLabeledReplicas: 1, readyReplicas: 1, availableReplicas: 1, observedGeneration: 1 }
  assert.deepEqual(plan({ set: { ...set(1), status }, pods: [pod('a')] }), [])
})

test('planReplicaSet() neither makes nor deletes pods of a set that is being deleted', () => {
  const going = set(3)
  going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
  const actions = plan({ set: going, orphans: [pod('a')], strays: [pod('b')] })
  assert.deepEqual(
    actions.filter(action => action.kind !== 'write-status'),
    [],
  )
})

test('planReplicaSet() comes to rest at the wanted number from any world', () => {
  const traits = fc.record({
    phase: fc.constantFrom<PodPhase>('Pending', 'Running', 'Failed', 'Succeeded'),
    ready: fc.boolean(),
    deleting: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.nat(20), fc.array(traits, { maxLength: 20 }), (replicas, world) => {
      let pods = world.map((each, index) => pod(`p${index}`, each))
      const isAlive = ({ metadata, status }: Pod) =>
        !metadata.deletionTimestamp && (status?.phase === 'Pending' || status?.phase === 'Running')
      for (let round = 0; round < 3; round++) {
        const actions = plan({ set: set(replicas), pods })
        const gone = deleted(actions)
        pods = pods.filter(each => !gone.includes(each.metadata.name))
        for (let made = 0; made < created(actions); made++)
          pods.push(pod(`new-${round}-${made}`, { phase: 'Pending', ready: false, node: '' }))
      }
      assert.equal(pods.filter(isAlive).length, replicas)
    }),
  )
})
