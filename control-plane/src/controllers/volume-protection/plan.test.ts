import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumePhase, Pod, PodSpec } from '@davit/api'
import { finalizersWithout, isClaimInUse, isToBeCleaned, isVolumeInUse } from './plan.ts'

const claim: PersistentVolumeClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { namespace: 'default', name: 'data', uid: 'u' },
  spec: {},
}

function pod(spec: Partial<PodSpec>, { namespace = 'default', phase = 'Running' }: { namespace?: string; phase?: string } = {}): Pod {
  const volumes = [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }]
  const made = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace, name: 'p' },
    spec: { containers: [], volumes, ...spec },
    status: { phase },
  }
  return made as Pod
}

for (const [what, user, wanted] of [
  ['runs with it', pod({ nodeName: 'n' }), true],
  ['is about to start', pod({ nodeName: 'n' }, { phase: 'Pending' }), true],
  ['has no node yet', pod({}, { phase: 'Pending' }), false],
  ['has succeeded', pod({ nodeName: 'n' }, { phase: 'Succeeded' }), false],
  ['has failed', pod({ nodeName: 'n' }, { phase: 'Failed' }), false],
  ['is of another namespace', pod({ nodeName: 'n' }, { namespace: 'other' }), false],
  ['uses another', pod({ nodeName: 'n', volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'other' } }] }), false],
  [
    'has an ephemeral volume of that name',
    { ...pod({ nodeName: 'n', volumes: [{ name: 'data', ephemeral: {} }] }), metadata: { namespace: 'default', name: 'p' } },
    false,
  ],
] as const) {
  test(`a claim is ${wanted ? '' : 'not '}in use by a pod that ${what}`, () => assert.equal(isClaimInUse(claim, [user]), wanted))
}

function volume(phase: PersistentVolumePhase, policy: 'Delete' | 'Retain', provisioner = 'davit.dev/local'): PersistentVolume {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'v', annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: { persistentVolumeReclaimPolicy: policy, claimRef: { namespace: 'default', name: 'data', uid: 'u' } },
    status: { phase },
  }
}

test('a volume is in use while its very claim is there', () => {
  assert.equal(isVolumeInUse(volume('Bound', 'Retain'), claim), true)
  assert.equal(isVolumeInUse(volume('Bound', 'Retain'), { ...claim, metadata: { ...claim.metadata, uid: 'newer' } }), false)
  assert.equal(isVolumeInUse(volume('Bound', 'Retain'), undefined), false)
})

test('a volume waits for its agent when that has data to remove', () => {
  assert.equal(isToBeCleaned(volume('Released', 'Delete')), true)
  assert.equal(isToBeCleaned(volume('Bound', 'Delete')), true)
  assert.equal(isToBeCleaned(volume('Released', 'Retain')), false)
  assert.equal(isToBeCleaned(volume('Released', 'Delete', 'example.com/other')), false)
})

test('only the own finalizer goes, and only from what was deleted', () => {
  const deleted = { ...claim, metadata: { ...claim.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a', 'b'] } }
  assert.deepEqual(finalizersWithout(deleted, 'a'), ['b'])
  assert.equal(finalizersWithout(deleted, 'c'), undefined)
  assert.equal(finalizersWithout({ ...claim, metadata: { ...claim.metadata, finalizers: ['a'] } }, 'a'), undefined)
})
