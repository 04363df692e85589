import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Pod, type PodSpec, podKind, STATIC_PODS, TAINTS } from '@davit/api'
import type { Lookups } from './lookups.ts'
import { memoryPressureToleration } from './memory-pressure.ts'
import { nodeRestriction } from './node-restriction.ts'
import { serviceAccount } from './service-account.ts'

const NODE = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] }
const pod = (spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'default', ...metadata },
  spec: { containers: [{ name: 'main', image: 'a' }], ...spec },
})

describe('nodeRestriction()', () => {
  const own = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', uid: 'u' } }
  const create = (object: Pod) =>
    nodeRestriction({ find: async () => own as never }).admit?.({ kind: podKind as never, context: { user: NODE } as never, object })
  const annotations = { [STATIC_PODS.mirror]: 'hash' }

  it('lets a node mirror a static pod of its own', async () => {
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'n1', uid: 'u', controller: true }]
    await create(pod({ nodeName: 'n1' }, { annotations, ownerReferences }))
  })
  const refused: [string, Pod, RegExp][] = [
    ['a pod that is no mirror', pod({ nodeName: 'n1' }), /can only create mirror pods/],
    ['a mirror for another node', pod({ nodeName: 'n2' }, { annotations }), /spec.nodeName set to itself/],
    ['a mirror with an account', pod({ nodeName: 'n1', serviceAccountName: 'admin' }, { annotations }), /reference a service account/],
    [
      'a mirror that belongs to something else',
      pod({ nodeName: 'n1' }, { annotations, ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'n1', uid: 'u' }] }),
      /owner reference set to itself/,
    ],
  ]
  for (const [what, object, why] of refused) {
    it(`refuses ${what}`, () => assert.rejects(async () => create(object), why))
  }
})

describe('serviceAccount()', () => {
  const lookups: Lookups = { find: async () => undefined, cached: async () => undefined, all: async () => [] }
  const admitted = async (object: Pod) => {
    await serviceAccount(lookups).admit?.({ kind: podKind as never, context: { user: NODE } as never, object })
    return object.spec
  }

  it('gives no mirror an account, whatever its annotation says: its node could ask for tokens of it', async () => {
    for (const value of ['hash', '']) {
      const { serviceAccountName, volumes } = await admitted(pod({ nodeName: 'n1' }, { annotations: { [STATIC_PODS.mirror]: value } }))
      assert.deepEqual([serviceAccountName, volumes], [undefined, undefined])
    }
    assert.equal((await admitted(pod())).serviceAccountName, 'default')
  })
})

describe('memoryPressureToleration()', () => {
  const admitted = (object: Pod) => {
    memoryPressureToleration().admit?.({ kind: podKind as never, context: {} as never, object })
    return object.spec.tolerations?.map(({ key }) => key) ?? []
  }
  const requests = { containers: [{ name: 'main', image: 'a', resources: { requests: { memory: '1Mi' } } }] }

  it('lets pods that promise what they need onto a node short of memory, and no others', () => {
    assert.deepEqual(admitted(pod(requests)), [TAINTS.memoryPressure])
    assert.deepEqual(admitted(pod()), [])
  })
  it('adds nothing to what tolerates it already', () =>
    assert.deepEqual(admitted(pod({ ...requests, tolerations: [{ operator: 'Exists' }] })), [undefined]))
})
