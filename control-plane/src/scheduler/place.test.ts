import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Node, Pod, PodSpec, Taint } from '@davit/api'
import fc from 'fast-check'
import { ClusterState } from './node-info.ts'
import { place } from './place.ts'

interface NodeTraits {
  cpu?: string
  memory?: string
  pods?: string
  labels?: Record<string, string>
  taints?: Taint[]
  unschedulable?: boolean
  unsuitable?: string
  images?: Record<string, number>
  ready?: 'True' | 'False'
}

function node(
  name: string,
  {
    cpu = '2',
    memory = '4Gi',
    pods = '110',
    labels = {},
    taints = [],
    unschedulable = false,
    ready = 'True',
    unsuitable,
    images = {},
  }: NodeTraits = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels, ...(unsuitable && { annotations: { 'davit.dev/unsuitable-images': unsuitable } }) },
    spec: { taints, ...(unschedulable && { unschedulable }) },
    status: {
      allocatable: { cpu, memory, pods },
      conditions: [{ type: 'Ready', status: ready }],
      images: Object.entries(images).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
    },
  }
}

function pod(
  name: string,
  { cpu, memory, owner, ...spec }: Partial<PodSpec> & { cpu?: string; memory?: string; owner?: string } = {},
): Pod {
  const requests = { ...(cpu && { cpu }), ...(memory && { memory }) }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      ...(owner && { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }] }),
    },
    spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...spec },
  }
}

function cluster(nodes: readonly Node[], placed: readonly (readonly [Pod, string])[] = []): ClusterState {
  const state = new ClusterState()
  for (const each of nodes) state.setNode(each)
  for (const [each, name] of placed) state.setPod(each, name)
  return state
}

const placeOn = (subject: Pod, state: ClusterState) => place(subject, [...state.nodes()], () => 0)

for (const [why, nodes, subject, message] of [
  ['no node exists', [], pod('p'), 'no nodes available to schedule pods'],
  ['CPU is short', [node('a'), node('b'), node('c')], pod('p', { cpu: '3' }), '0/3 nodes are available: 3 Insufficient cpu.'],
  [
    'CPU and memory are short',
    [node('a')],
    pod('p', { cpu: '3', memory: '8Gi' }),
    '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.',
  ],
  ['no more pods fit', [node('a', { pods: '0' })], pod('p'), '0/1 nodes are available: 1 Too many pods.'],
  ['the node is cordoned', [node('a', { unschedulable: true })], pod('p'), '0/1 nodes are available: 1 node(s) were unschedulable.'],
  [
    'a taint is not tolerated',
    [node('a', { taints: [{ key: 'team', value: 'x', effect: 'NoSchedule' }] }), node('b', { cpu: '0' })],
    pod('p', { cpu: '1' }),
    '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {team: x}.',
  ],
  [
    'the node is not ready',
    [node('a', { ready: 'False' })],
    pod('p'),
    '0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.',
  ],
  [
    'its image is for another architecture',
    [node('a', { unsuitable: 'x:1,i:latest' })],
    pod('p'),
    "0/1 nodes are available: 1 node(s) cannot run the image's architecture.",
  ],
  [
    'no node has the label',
    [node('a')],
    pod('p', { nodeSelector: { disk: 'ssd' } }),
    "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
  ],
] as const) {
  test(`place() says why when ${why}`, () => {
    assert.deepEqual(placeOn(subject, cluster(nodes)), { node: undefined, message })
  })
}

test('place() counts what pods asked for, not what they use', () => {
  const state = cluster([node('a'), node('b')], [[pod('x', { cpu: '1500m' }), 'a']])
  assert.deepEqual(placeOn(pod('p', { cpu: '1' }), state), { node: 'b' })
  state.removePod('x')
  state.setPod(pod('y', { cpu: '2' }), 'b')
  assert.deepEqual(placeOn(pod('p', { cpu: '1' }), state), { node: 'a' })
})

test('place() spreads pods of one owner before it looks at how full nodes are', () => {
  const state = cluster([node('a', { cpu: '8' }), node('b')], [[pod('x', { owner: 'web' }), 'a']])
  assert.deepEqual(placeOn(pod('p', { owner: 'web' }), state), { node: 'b' })
})

test('place() prefers a node that has the image, but not to spreading', () => {
  const images = { 'i:latest': 900 << 20 }
  assert.deepEqual(placeOn(pod('p'), cluster([node('a'), node('b', { images })])), { node: 'b' })
  const state = cluster([node('a'), node('b', { images })], [[pod('x', { owner: 'web' }), 'b']])
  assert.deepEqual(placeOn(pod('p', { owner: 'web' }), state), { node: 'a' })
})

test('place() passes by a node only for the images that do not run there', () => {
  const nodes = [node('a', { unsuitable: 'x:1' })]
  assert.deepEqual(placeOn(pod('p'), cluster(nodes)), { node: 'a' })
})

test('place() keeps pods that want the same host port apart', () => {
  const withPort = (name: string) => pod(name, { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, hostPort: 8080 }] }] })
  const state = cluster([node('a')], [[withPort('x'), 'a']])
  assert.deepEqual(placeOn(withPort('p'), state), {
    node: undefined,
    message: "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  })
})

for (const [operator, values, wanted] of [
  ['In', ['east'], 'a'],
  ['NotIn', ['east'], 'b'],
  ['Exists', [], 'a'],
  ['DoesNotExist', [], 'b'],
] as const) {
  test(`place() obeys required node affinity with ${operator}`, () => {
    const term = { matchExpressions: [{ key: 'zone', operator, values: [...values] }] }
    const subject = pod('p', {
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } },
    })
    assert.deepEqual(placeOn(subject, cluster([node('a', { labels: { zone: 'east' } }), node('b')])), { node: wanted })
  })
}

test('place() prefers the node that preferred affinity names', () => {
  const preference = { matchExpressions: [{ key: 'zone', operator: 'In' as const, values: ['east'] }] }
  const subject = pod('p', {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }] } },
  })
  assert.deepEqual(placeOn(subject, cluster([node('b'), node('a', { labels: { zone: 'east' } })])), { node: 'a' })
})

test('place() never asks more of a node than it has, whatever comes', () => {
  const milli = fc.integer({ min: 0, max: 1500 })
  fc.assert(
    fc.property(fc.array(milli, { maxLength: 40 }), fc.integer({ min: 1, max: 5 }), (asked, count) => {
      const state = cluster(Array.from({ length: count }, (_, index) => node(`n${index}`)))
      for (const [index, cpu] of asked.entries()) {
        const subject = pod(`p${index}`, { cpu: `${cpu}m` })
        const placement = placeOn(subject, state)
        if (placement.node !== undefined) state.setPod(subject, placement.node)
        else assert.ok([...state.nodes()].every(each => each.requested.milliCpu + cpu > 2000))
      }
      for (const each of state.nodes()) assert.ok(each.requested.milliCpu <= 2000)
    }),
  )
})

test('a node that leaves and returns still counts the pods that are on it', () => {
  const state = cluster([node('a')], [[pod('x', { cpu: '2' }), 'a']])
  state.removeNode('a')
  assert.equal(state.get('a'), undefined)
  state.setNode(node('a'))
  assert.equal(state.get('a')?.requested.milliCpu, 2000)
})
