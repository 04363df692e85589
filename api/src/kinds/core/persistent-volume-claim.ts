import { defineKind, type PrinterColumn } from '../../kind.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, object, oneOf, quantityMap, required, string, stringMap, strings, time } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { applyClaimDefaults, validateClaim, validateClaimUpdate } from './persistent-volume-claim-rules.ts'
import type { PersistentVolumeClaim } from './persistent-volume-types.ts'
import { persistentVolumeClaimSpecSchema } from './pod/volume-schema.ts'
import { formatAccessModes } from './volume-rules.ts'

const column = (
  name: string,
  description: string,
  value: (claim: PersistentVolumeClaim) => string | undefined,
  priority: 0 | 1 = 0,
): PrinterColumn<PersistentVolumeClaim> => ({ name, type: 'string', description, value, ...(priority && { priority }) })

export const persistentVolumeClaimKind = defineKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  namespaced: true,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Asks for storage, and is what pods mount.',
  schema: () =>
    object('PersistentVolumeClaim', 'Asks for storage.', {
      spec: field(persistentVolumeClaimSpecSchema(), 'The storage that is asked for.'),
      status: field(
        object('PersistentVolumeClaimStatus', 'How a claim is.', {
          phase: oneOf(['Bound', 'Lost', 'Pending'], 'Whether it has a volume, waits for one, or lost it.'),
          accessModes: strings('How its volume can be mounted.'),
          capacity: quantityMap('How much its volume holds.'),
          conditions: conditionListSchema('PersistentVolumeClaimCondition', 'What is being done to it, such as Resizing.', {
            lastProbeTime: time('When it was last looked at.'),
          }),
          allocatedResources: quantityMap('What was asked of the storage, while it grows.'),
          allocatedResourceStatuses: stringMap('How far the storage has come with that.'),
          currentVolumeAttributesClassName: string('VolumeAttributesClass its volume has.'),
          modifyVolumeStatus: field(
            object('ModifyVolumeStatus', 'How far a change of the VolumeAttributesClass is.', {
              targetVolumeAttributesClassName: string('The class that is wanted.'),
              status: required(string('Pending, InProgress or Infeasible.')),
            }),
            'How far a change of the VolumeAttributesClass is.',
          ),
        }),
        'How the claim is.',
      ),
    }),
  applyDefaults: applyClaimDefaults,
  validate: validateClaim,
  validateUpdate: validateClaimUpdate,
  columns: [
    nameColumn,
    column('Status', 'Whether it has a volume.', ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : status?.phase)),
    column('Volume', 'The volume it has.', ({ spec }) => spec.volumeName ?? ''),
    column('Capacity', 'How much the volume holds.', ({ spec, status }) =>
      spec.volumeName ? String(status?.capacity?.storage ?? '') : '',
    ),
    column('Access Modes', 'How the volume can be mounted.', ({ spec, status }) =>
      spec.volumeName ? formatAccessModes(status?.accessModes) : '',
    ),
    column('StorageClass', 'StorageClass that makes the volume.', ({ spec }) => spec.storageClassName ?? ''),
    column('VolumeAttributesClass', 'VolumeAttributesClass of the volume.', ({ spec }) => spec.volumeAttributesClassName || '<unset>'),
    ageColumn,
    column('VolumeMode', 'Filesystem or Block.', ({ spec }) => spec.volumeMode ?? '<unset>', 1),
  ],
})
