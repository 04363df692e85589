/** PersistentVolumes and their claims, as the API and the binder see them. */
import assert from 'node:assert/strict'
import type { KubernetesObject } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import { assertCollectionDelete, assertStatus, assertWholeLife, kindLife, untilNames } from './kind-life.ts'

interface Volume extends KubernetesObject {
  spec: { claimRef?: { uid?: string; name?: string; namespace?: string }; volumeName?: string }
  status?: { phase?: string }
}

function volumes(context: ApiContext) {
  return kindLife(context, '/PersistentVolume', name => ({
    spec: {
      // A class of its own, that nobody provisions for: only the claims of this case are bound.
      storageClassName: context.namespace,
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: `/tmp/${name}` },
    },
  }))
}

function claims(context: ApiContext, volumeName?: string) {
  return kindLife(context, '/PersistentVolumeClaim', () => ({
    spec: {
      storageClassName: context.namespace,
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      ...(volumeName && { volumeName }),
    },
  }))
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'PV and PVC create, list, patch, update, bind identity, delete and collection delete work',
    kind: '/PersistentVolumeClaim',
    run: async context => {
      const pv = volumes(context)
      await pv.make('bound')
      const { name: volumeName } = pv.target('bound')
      const pvc = claims(context, volumeName)
      const { metadata } = await pvc.make('claim')
      const read = async () => [await pv.resource.get(pv.target('bound')), await pvc.resource.get(pvc.target('claim'))] as Volume[]
      const [volume, claim] = await context.eventually('the binding', read, both => both.every(({ status }) => status?.phase === 'Bound'))
      assertHas(volume?.spec.claimRef, { uid: metadata.uid, name: 'claim', namespace: context.namespace })
      assert.equal(claim?.spec.volumeName, volumeName)

      await pvc.resource.delete(pvc.target('claim'))
      await untilNames(pvc, [])
      await context.eventually(
        'the release',
        async () => ((await pv.resource.get(pv.target('bound'))) as Volume).status?.phase === 'Released',
      )
      await pv.resource.delete(pv.target('bound'))
      await untilNames(pv, [])

      await assertWholeLife(pv)
      await assertCollectionDelete(claims(context, 'no-such-volume'))
      await assertWholeLife(claims(context, 'no-such-volume'))
    },
  },
  {
    row: 'PV and PVC status can be read, patched and updated',
    kind: '/PersistentVolumeClaim',
    run: async context => {
      const pv = volumes(context)
      await pv.make('one')
      const { name: volumeName } = pv.target('one')
      const pvc = claims(context, volumeName)
      await pvc.make('claim')
      await context.eventually(
        'the binding',
        async () => ((await pvc.resource.get(pvc.target('claim'))) as Volume).status?.phase === 'Bound',
      )
      const condition = (reason: string) => [{ type: 'TestCondition', status: 'True', reason, message: 'of a test' }]
      await assertStatus(pvc, 'claim', { patched: { conditions: condition('Patched') }, updated: { conditions: condition('Updated') } })
      await assertStatus(pv, 'one', {
        patched: { message: 'StatusPatched', reason: 'Test' },
        updated: { message: 'StatusUpdated', reason: 'Test' },
      })
      await pvc.resource.delete(pvc.target('claim'))
      await pv.resource.delete(pv.target('one'))
      await untilNames(pv, [])
    },
  },
]
