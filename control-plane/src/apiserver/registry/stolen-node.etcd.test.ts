/** What the certificate of a node that was broken into must not be good for: each test is an attempt. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Client, type Node, nodeKind, type OwnerReference, podKind, STATIC_PODS } from '@davit/api'
import { createInProcessClient } from './in-process-client.ts'
import { node, pod, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
let thief: Client
let own: Node
before(async () => {
  cluster = await startTestRegistry()
  thief = createInProcessClient(cluster.registry, { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] })
  own = await thief.resource(nodeKind).create(node('n1'))
})
after(() => cluster[Symbol.asyncDispose]())

const GONE = { apiVersion: 'v1', kind: 'Namespace', name: 'gone', uid: 'gone' }

test('a node cannot have itself collected as garbage, to come back without its taints', async () => {
  const nodes = thief.resource(nodeKind)
  await assert.rejects(nodes.patch({ name: 'n1' }, { type: 'merge', body: { metadata: { ownerReferences: [GONE] } } }), {
    code: 403,
    message: 'nodes "n1" is forbidden: node "n1" is not allowed to modify ownerReferences',
  })
  const created = nodes.create({ ...node('other'), metadata: { name: 'other', ownerReferences: [GONE] } })
  await assert.rejects(created, { code: 403, message: /is not allowed to modify ownerReferences/ })
})

test('a node cannot call itself what the operator calls others', async () => {
  const nodes = thief.resource(nodeKind)
  const labels = { 'node-role.kubernetes.io/control-plane': '' }
  await assert.rejects(nodes.patch({ name: 'n1' }, { type: 'merge', body: { metadata: { labels } } }), {
    code: 403,
    message: /is not allowed to modify labels: node-role.kubernetes.io\/control-plane/,
  })
  const known = { 'topology.kubernetes.io/zone': 'a', 'node.kubernetes.io/x': 'b', 'kubelet.kubernetes.io/y': 'c', 'example.com/z': 'd' }
  await nodes.patch({ name: 'n1' }, { type: 'merge', body: { metadata: { labels: known } } })
})

test("a node cannot draw other nodes' traffic to itself by its range of addresses", async () => {
  const nodes = thief.resource(nodeKind)
  for (const podCIDR of ['10.244.0.0/16', '10.244.9.0/24']) {
    await assert.rejects(nodes.patch({ name: 'n1' }, { type: 'merge', body: { spec: { podCIDR } } }), { code: 422, message: /podCIDR/ })
  }
  for (const podCIDR of ['10.244.0.0/16', '10.244.8.0/22', '10.244.7.1/24', '0.0.0.0/0', '192.168.0.0/24', own.spec?.podCIDR ?? '']) {
    const made = nodes.create({ ...node('other'), spec: { podCIDR } })
    await assert.rejects(made, { code: 422, message: /spec.podCIDR: Invalid value/ }, podCIDR)
  }
  assert.equal((await nodes.create({ ...node('other'), spec: { podCIDR: '10.244.200.0/24' } })).spec?.podCIDR, '10.244.200.0/24')
})

test("a node's mirrors belong to its Node: no controller counts them as its own", async () => {
  const { uid = '' } = own.metadata
  const right: OwnerReference = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true }
  const annotations = { [STATIC_PODS.mirror]: 'hash' }
  const mirror = (name: string, ownerReferences: OwnerReference[]) =>
    thief.resource(podKind).create(pod(name, { nodeName: 'n1' }, { annotations, ownerReferences }))
  const { controller: _, ...idle } = right
  const attempts: [OwnerReference[], RegExp][] = [
    [[], /can only create pods with an owner reference set to itself/],
    [[right, { ...right, uid: 'x', controller: false }], /can only create pods with a single owner reference set to itself/],
    [[{ ...right, kind: 'ReplicaSet', apiVersion: 'apps/v1' }], /can only create pods with an owner reference set to itself/],
    [[idle], /can only create pods with a controller owner reference set to itself/],
    [[{ ...right, blockOwnerDeletion: true }], /must not set blockOwnerDeletion on an owner reference/],
    [[{ ...right, uid: 'of-a-replica-set' }], /UID mismatch: expected .* got of-a-replica-set/],
  ]
  for (const [owners, message] of attempts) await assert.rejects(mirror('m', owners), { code: 403, message }, String(message))
  await mirror('m', [right])
})
