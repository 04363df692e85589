import { defineKind, type PrinterColumn } from '../../kind.ts'
import { once } from '../../once.ts'
import { atomic, boolean, field, object, oneOf, quantityMap, required, string, stringMap, strings, time } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { objectReferenceSchema } from './object-reference.ts'
import { applyVolumeDefaults, validateVolume, validateVolumeUpdate } from './persistent-volume-rules.ts'
import type { PersistentVolume } from './persistent-volume-types.ts'
import { retiredPersistentSources } from './pod/retired-volumes.ts'
import { nodeSelectorSchema } from './pod/scheduling-schema.ts'
import { fcSource, hostPathSource, iscsiFields, nfsSource } from './pod/volume-schema.ts'
import { formatAccessModes, VOLUME_MODES } from './volume-rules.ts'

const secretReference = once(() =>
  atomic(
    object('SecretReference', 'A Secret of any namespace.', {
      name: string('Name of the Secret.'),
      namespace: string('Namespace of the Secret.'),
    }),
  ),
)

const secret = (description: string) => field(secretReference(), description)

const csiSource = once(() =>
  object('CSIPersistentVolumeSource', 'Storage that a driver provides.', {
    driver: required(string('Name of the driver.')),
    volumeHandle: required(string('Name the driver has for the volume.')),
    readOnly: boolean('Mount read-only.'),
    fsType: string('Filesystem to mount.'),
    volumeAttributes: stringMap('What the driver is told.'),
    controllerPublishSecretRef: secret('Secret for attaching.'),
    nodeStageSecretRef: secret('Secret for preparing the volume on a node.'),
    nodePublishSecretRef: secret('Secret for mounting.'),
    controllerExpandSecretRef: secret('Secret for expanding.'),
    nodeExpandSecretRef: secret('Secret for expanding on a node.'),
  }),
)

/** The component `PersistentVolumeSpec`. */
export const persistentVolumeSpecSchema = once(() =>
  object('PersistentVolumeSpec', 'What a volume is.', {
    capacity: quantityMap('How much it holds, under `storage`.'),
    accessModes: strings('How it can be mounted: ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod.'),
    claimRef: field(objectReferenceSchema(), 'The claim it belongs to, or is kept for.', { mapType: 'granular' }),
    persistentVolumeReclaimPolicy: oneOf(
      ['Delete', 'Recycle', 'Retain'],
      'What becomes of it when its claim is gone: Retain keeps it, Delete removes it with its data. Retain by default.',
    ),
    storageClassName: string('StorageClass it belongs to; claims of that class may have it.'),
    mountOptions: strings('Options for mounting.'),
    volumeMode: oneOf(VOLUME_MODES, 'Filesystem by default.'),
    nodeAffinity: field(
      object('VolumeNodeAffinity', 'Nodes a volume can be reached from.', {
        required: field(nodeSelectorSchema(), 'Nodes that match can reach it.'),
      }),
      'Nodes it can be reached from; all, if absent.',
    ),
    volumeAttributesClassName: string('VolumeAttributesClass it was set up by.'),
    hostPath: field(hostPathSource(), 'A file or directory of a node; for clusters of one node.'),
    local: field(
      object('LocalVolumeSource', 'A directory or disk of one node.', {
        path: required(string('Path on the node.')),
        fsType: string('Filesystem to mount, when the path is a block device.'),
      }),
      'A directory or disk of one node, which nodeAffinity names.',
    ),
    nfs: field(nfsSource(), 'A directory of an NFS server.'),
    csi: field(csiSource(), 'Storage of a driver; `docker.davit.dev` is a named Docker volume.'),
    iscsi: field(
      object('ISCSIPersistentVolumeSource', 'A disk reached by iSCSI.', iscsiFields(secretReference())),
      'A disk of an iSCSI target.',
    ),
    fc: field(fcSource(), 'A disk on Fibre Channel.'),
    ...retiredPersistentSources(secretReference()),
  }),
)

const column = (
  name: string,
  description: string,
  value: (volume: PersistentVolume) => string | undefined,
  priority: 0 | 1 = 0,
): PrinterColumn<PersistentVolume> => ({ name, type: 'string', description, value, ...(priority && { priority }) })

export const persistentVolumeKind = defineKind<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  namespaced: false,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Storage that outlives pods; it belongs to one claim at a time.',
  schema: () =>
    object('PersistentVolume', 'Storage that outlives pods.', {
      spec: field(persistentVolumeSpecSchema(), 'What the volume is.'),
      status: field(
        object('PersistentVolumeStatus', 'How a volume is.', {
          phase: oneOf(['Available', 'Bound', 'Failed', 'Pending', 'Released'], 'Whether it is free, belongs to a claim, or did.'),
          message: string('Why it is in this phase, in words for people.'),
          reason: string('Why, in one CamelCase word for programs.'),
          lastPhaseTransitionTime: time('When the phase last changed.'),
        }),
        'How the volume is.',
      ),
    }),
  applyDefaults: applyVolumeDefaults,
  validate: validateVolume,
  validateUpdate: validateVolumeUpdate,
  columns: [
    nameColumn,
    column('Capacity', 'How much it holds.', ({ spec }) => String(spec.capacity?.storage ?? '')),
    column('Access Modes', 'How it can be mounted.', ({ spec }) => formatAccessModes(spec.accessModes)),
    column('Reclaim Policy', 'What becomes of it when its claim is gone.', ({ spec }) => spec.persistentVolumeReclaimPolicy),
    column('Status', 'Whether it is free, belongs to a claim, or did.', ({ metadata, status }) =>
      metadata.deletionTimestamp ? 'Terminating' : status?.phase,
    ),
    column('Claim', 'The claim it belongs to.', ({ spec }) =>
      spec.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '',
    ),
    column('StorageClass', 'StorageClass it belongs to.', ({ spec }) => spec.storageClassName ?? ''),
    column('VolumeAttributesClass', 'VolumeAttributesClass it was set up by.', ({ spec }) => spec.volumeAttributesClassName || '<unset>'),
    column('Reason', 'Why it is in its phase.', ({ status }) => status?.reason ?? ''),
    ageColumn,
    column('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec.volumeMode ?? '<unset>', 1),
  ],
})
