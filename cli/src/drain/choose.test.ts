import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod, Volume } from '@davit/api'
import { choosePods } from './index.ts'

function pod(
  name: string,
  {
    owner = 'ReplicaSet',
    volumes = [],
    phase = 'Running',
    mirror = false,
  }: { owner?: string; volumes?: Volume[]; phase?: 'Running' | 'Succeeded'; mirror?: boolean } = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      ...(owner && { ownerReferences: [{ apiVersion: 'v1', kind: owner, name: 'o', uid: 'u', controller: true }] }),
      ...(mirror && { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
    },
    spec: { containers: [{ name: 'a', image: 'b' }], volumes },
    status: { phase },
  }
}

const STRICT = { ignoreDaemonSets: false, deleteEmptyDirData: false, force: false }
const LENIENT = { ignoreDaemonSets: true, deleteEmptyDirData: true, force: true }
const scratch: Volume[] = [{ name: 'v', emptyDir: {} }]

for (const [what, one, error, leaves] of [
  ['of a ReplicaSet', pod('a'), undefined, true],
  [
    'with an emptyDir',
    pod('a', { volumes: scratch }),
    'cannot delete Pods with local storage (use --delete-emptydir-data to override): default/a',
    true,
  ],
  ['without owner', pod('a', { owner: '' }), 'cannot delete Pods that declare no controller (use --force to override): default/a', true],
  [
    'of a DaemonSet',
    pod('a', { owner: 'DaemonSet' }),
    'cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/a',
    false,
  ],
  ['that has ended', pod('a', { owner: '', volumes: scratch, phase: 'Succeeded' }), undefined, true],
  ['that mirrors a file', pod('a', { owner: '', mirror: true }), undefined, false],
] as const) {
  test(`choosePods() decides about a pod ${what}`, () => {
    const strict = choosePods([one], STRICT)
    assert.deepEqual(strict.errors, error ? [error] : [])
    const lenient = choosePods([one], LENIENT)
    assert.deepEqual(lenient.errors, [])
    assert.equal(lenient.evict.length, leaves ? 1 : 0)
  })
}

test('choosePods() tells of what goes all the same', () => {
  const { warnings } = choosePods([pod('a', { owner: '' }), pod('b', { owner: '' }), pod('c', { owner: 'DaemonSet' })], LENIENT)
  assert.deepEqual(warnings, [
    'deleting Pods that declare no controller: default/a, default/b',
    'ignoring DaemonSet-managed Pods: default/c',
  ])
})
