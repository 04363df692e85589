import { immutable, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, Time } from '../../meta.ts'
import { boolean, field, int32, object, required, string, stringMap, time } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { persistentVolumeSpecSchema } from '../core/persistent-volume.ts'
import type { PersistentVolumeSpec } from '../core/persistent-volume-types.ts'
import { validateDriverName } from './csi-driver.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume-attachment-v1/ */
export interface VolumeAttachment extends KubernetesObject {
  spec: {
    attacher: string
    nodeName: string
    source: { persistentVolumeName?: string; inlineVolumeSpec?: PersistentVolumeSpec }
  }
  status?: {
    attached: boolean
    attachmentMetadata?: Record<string, string>
    attachError?: VolumeError
    detachError?: VolumeError
  }
}

export interface VolumeError {
  time?: Time
  message?: string
  errorCode?: number
}

const volumeError = (description: string) =>
  field(
    object('VolumeError', 'What went wrong.', {
      time: time('When.'),
      message: string('What, in words for people.'),
      errorCode: int32('Number of the gRPC error.'),
    }),
    description,
  )

export const volumeAttachmentKind = defineKind<VolumeAttachment>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  plural: 'volumeattachments',
  namespaced: false,
  subresources: ['status'],
  hasGeneration: false,
  description: 'Asks a driver to attach a volume to a node. Davit attaches none; what drivers write is kept for them.',
  schema: () =>
    object('VolumeAttachment', 'Asks a driver to attach a volume to a node.', {
      spec: required(
        field(
          object('VolumeAttachmentSpec', 'What is to be attached where. Cannot be changed.', {
            attacher: required(string('Name of the driver.')),
            nodeName: required(string('The node.')),
            source: required(
              field(
                object('VolumeAttachmentSource', 'The volume: one of both.', {
                  persistentVolumeName: string('Name of the PersistentVolume.'),
                  inlineVolumeSpec: field(persistentVolumeSpecSchema(), 'A volume that has no object of its own.'),
                }),
                'The volume.',
              ),
            ),
          }),
          'What is to be attached where. Cannot be changed.',
        ),
      ),
      status: field(
        object('VolumeAttachmentStatus', 'Whether it is attached. Written by the driver.', {
          attached: required(boolean('Whether it is attached.')),
          attachmentMetadata: stringMap('What the driver wants to be told when the volume is mounted.'),
          attachError: volumeError('What went wrong while attaching.'),
          detachError: volumeError('What went wrong while detaching.'),
        }),
        'Whether it is attached. Written by the driver.',
      ),
    }),
  applyDefaults(attachment) {
    if (attachment.status) attachment.status.attached ??= false
  },
  validate: ({ spec }) => validateSpec(spec),
  validateUpdate: ({ spec }, old) => immutable('spec', spec, old.spec),
  columns: [
    nameColumn,
    { name: 'Attacher', type: 'string', description: 'Name of the driver.', value: ({ spec }) => spec?.attacher },
    {
      name: 'PV',
      type: 'string',
      description: 'Name of the PersistentVolume.',
      value: ({ spec }) => spec?.source?.persistentVolumeName ?? '',
    },
    { name: 'Node', type: 'string', description: 'The node.', value: ({ spec }) => spec?.nodeName },
    { name: 'Attached', type: 'boolean', description: 'Whether it is attached.', value: ({ status }) => status?.attached ?? false },
    ageColumn,
  ],
})

function validateSpec(spec: Partial<VolumeAttachment['spec']> | undefined): FieldError[] {
  const { attacher = '', nodeName, source = {} } = spec ?? {}
  const { persistentVolumeName, inlineVolumeSpec } = source
  const errors = attacher ? validateDriverName(attacher, 'spec.attacher') : [requiredValue('spec.attacher')]
  if (persistentVolumeName === undefined && !inlineVolumeSpec) {
    errors.push(requiredValue('spec.source', 'must specify one of inlineVolumeSpec and persistentVolumeName'))
  } else if (persistentVolumeName !== undefined && inlineVolumeSpec) {
    const detail = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
    errors.push({ type: 'Forbidden', field: 'spec.source', detail })
  } else if (persistentVolumeName === '') {
    errors.push(requiredValue('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'))
  }
  if (!nodeName) errors.push(requiredValue('spec.nodeName'))
  return errors
}
