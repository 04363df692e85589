/** Kinds that are data for others: what every client may do with them. */
import assert from 'node:assert/strict'
import { configMapKind, podKind } from '@davit/api'
import { strangersCertificate } from '../../control-plane/certificates.ts'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import { shell } from '../context.ts'
import {
  assertCollectionDelete,
  assertDiscoverable,
  assertStatus,
  assertWholeLife,
  type Body,
  kindLife,
  untilNames,
  updateMetadata,
} from './kind-life.ts'

const podTemplate = () => ({ template: { metadata: { labels: { app: 'x' } }, spec: { containers: [shell('true')] } } })
const devices = { devices: { requests: [{ name: 'one', exactly: { deviceClassName: 'example.com' } }] } }
const attachment = () => ({ spec: { attacher: 'example.com', nodeName: 'node-1', source: { persistentVolumeName: 'none' } } })
const AUTHORITY = (await strangersCertificate('/CN=authority')).certificate
const NOW = '2026-01-02T03:04:05.000000Z'

/** Rows that are about a kind's whole life and nothing else. */
const WHOLE_LIVES: readonly { row: string; kind: string; body: (name: string) => Body; discoverable?: boolean }[] = [
  {
    row: 'Secret create, patch, list across namespaces and collection delete work',
    kind: '/Secret',
    body: () => ({ data: { key: 'dmFsdWU=' } }),
  },
  {
    row: 'ConfigMap create, patch, list across namespaces, watch and collection delete work',
    kind: '/ConfigMap',
    body: () => ({ data: { key: 'value' } }),
  },
  {
    row: 'Lease create, get, update, patch, list and collection delete work',
    kind: 'coordination.k8s.io/Lease',
    body: () => ({ spec: { holderIdentity: 'holder', leaseDurationSeconds: 30, acquireTime: NOW, renewTime: NOW, leaseTransitions: 0 } }),
  },
  {
    row: 'Node create, get, patch, list, update, delete and collection delete work',
    kind: '/Node',
    body: () => ({ spec: { unschedulable: true } }),
  },
  { row: 'PodTemplate create, patch, get, list across namespaces and delete work', kind: '/PodTemplate', body: podTemplate },
  {
    row: 'RuntimeClass is discoverable and all eight verbs work',
    kind: 'node.k8s.io/RuntimeClass',
    body: () => ({ handler: 'runc' }),
    discoverable: true,
  },
  {
    row: 'DeviceClass (resource.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'resource.k8s.io/DeviceClass',
    body: () => ({ spec: { selectors: [{ cel: { expression: 'device.driver == "example.com"' } }] } }),
  },
  {
    row: 'DeviceTaintRule (resource.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'resource.k8s.io/DeviceTaintRule',
    body: () => ({ spec: { deviceSelector: { driver: 'example.com' }, taint: { key: 'example.com/taint', effect: 'NoSchedule' } } }),
  },
  {
    row: 'ResourceClaim (resource.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'resource.k8s.io/ResourceClaim',
    body: () => ({ spec: devices }),
  },
  {
    row: 'ResourceClaimTemplate (resource.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'resource.k8s.io/ResourceClaimTemplate',
    body: () => ({ spec: { spec: devices } }),
  },
  {
    row: 'ResourceSlice (resource.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'resource.k8s.io/ResourceSlice',
    body: name => ({ spec: { driver: 'example.com', pool: { name, generation: 1, resourceSliceCount: 1 }, nodeName: 'node-1' } }),
  },
  {
    row: 'ClusterTrustBundle (certificates.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'certificates.k8s.io/ClusterTrustBundle',
    body: () => ({ spec: { trustBundle: AUTHORITY } }),
  },
  {
    row: 'StorageVersionMigration (storagemigration.k8s.io/v1) supports create, update, list, patch and delete',
    kind: 'storagemigration.k8s.io/StorageVersionMigration',
    body: () => ({ spec: { resource: { group: 'example.com', resource: 'things' } } }),
  },
  {
    row: 'CSIDriver create, patch, update, list, delete and collection delete work',
    kind: 'storage.k8s.io/CSIDriver',
    body: () => ({ spec: { attachRequired: false, volumeLifecycleModes: ['Ephemeral'] } }),
  },
  {
    row: 'CSINode create, read, patch, list, update, delete and collection delete work',
    kind: 'storage.k8s.io/CSINode',
    body: name => ({ spec: { drivers: [{ name: 'example.com', nodeID: name, allocatable: { count: 4 } }] } }),
  },
  {
    row: 'CSIStorageCapacity is discoverable and all eight verbs work',
    kind: 'storage.k8s.io/CSIStorageCapacity',
    body: () => ({ storageClassName: 'example', capacity: '1Gi', nodeTopology: { matchLabels: { zone: 'a' } } }),
    discoverable: true,
  },
  {
    row: 'StorageClass create, read, patch, update, delete and collection delete work',
    kind: 'storage.k8s.io/StorageClass',
    body: () => ({ provisioner: 'example.com/none', parameters: { key: 'value' } }),
  },
  {
    row: 'VolumeAttachment create, read, patch, list, update, delete and collection delete work',
    kind: 'storage.k8s.io/VolumeAttachment',
    body: attachment,
  },
  {
    row: 'VolumeAttributesClass create, read, patch, update, delete and collection delete work',
    kind: 'storage.k8s.io/VolumeAttributesClass',
    body: () => ({ driverName: 'example.com', parameters: { key: 'value' } }),
  },
]

export const cases: readonly Case<ApiContext>[] = [
  ...WHOLE_LIVES.map(
    ({ row, kind, body, discoverable }): Case<ApiContext> => ({
      row,
      kind,
      run: async context => {
        const life = kindLife(context, kind, body)
        if (discoverable) await assertDiscoverable(life)
        await assertWholeLife(life)
      },
    }),
  ),
  {
    row: 'PodTemplates can be selected by label and removed by collection delete',
    kind: '/PodTemplate',
    run: async context => assertCollectionDelete(kindLife(context, '/PodTemplate', podTemplate)),
  },
  {
    row: 'PodTemplate can be replaced',
    kind: '/PodTemplate',
    run: async context => {
      const life = kindLife(context, '/PodTemplate', podTemplate)
      await life.make('one')
      const replaced = await updateMetadata(life, 'one', { updated: 'yes' })
      assert.equal(replaced.metadata.annotations?.updated, 'yes')
    },
  },
  {
    row: 'A ConfigMap can be created then updated',
    run: async context => {
      const created = await context.configMap('one', { key: 'value' })
      await context.resource(configMapKind).update({ ...created, data: { key: 'other' } })
      assert.deepEqual((await context.resource(configMapKind).get({ name: 'one', namespace: context.namespace })).data, { key: 'other' })
    },
  },
  {
    row: 'VolumeAttachment status can be read, patched and updated',
    kind: 'storage.k8s.io/VolumeAttachment',
    run: async context => {
      const life = kindLife(context, 'storage.k8s.io/VolumeAttachment', attachment)
      await life.make('one')
      await assertStatus(life, 'one', {
        patched: { attached: true },
        updated: { attached: false, attachError: { message: 'in vain' } },
      })
      await life.resource.delete(life.target('one'))
      await untilNames(life, [])
    },
  },
  {
    row: 'Pods with an inline CSI volume source are accepted by the API',
    run: async context => {
      const volume = { name: 'inline', csi: { driver: 'example.com', readOnly: true, volumeAttributes: { key: 'value' } } }
      const { spec } = await context.create('inline', { volumes: [volume], containers: [shell('true')] })
      assert.deepEqual(
        spec.volumes?.find(({ name }) => name === 'inline'),
        volume,
      )
      const patched = await context
        .resource(podKind)
        .patch({ namespace: context.namespace, name: 'inline' }, { type: 'merge', body: { metadata: { labels: { patched: 'yes' } } } })
      assert.equal(patched.metadata.labels?.patched, 'yes')
      await context.resource(podKind).delete({ namespace: context.namespace, name: 'inline' })
      await context.untilGone('inline')
    },
  },
]
