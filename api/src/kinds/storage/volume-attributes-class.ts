import { immutable, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { object, required, string, stringMap } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateDriverName } from './csi-driver.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/volume-attributes-class-v1/ */
export interface VolumeAttributesClass extends KubernetesObject {
  driverName: string
  parameters?: Record<string, string>
}

export const volumeAttributesClassKind = defineKind<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  shortNames: ['vac'],
  namespaced: false,
  description: 'Settings of volumes that can be changed while they are in use.',
  schema: () =>
    object('VolumeAttributesClass', 'Settings of volumes that can be changed while they are in use.', {
      driverName: required(string('Name of the driver. Cannot be changed.')),
      parameters: stringMap('What the driver is told. Cannot be changed.'),
    }),
  validate: ({ driverName, parameters }) => [
    ...(driverName ? validateDriverName(driverName, 'driverName') : [requiredValue('driverName')]),
    ...(Object.keys(parameters ?? {}).length === 0 ? [requiredValue('parameters', 'must contain at least one key/value pair')] : []),
  ],
  validateUpdate: ({ driverName, parameters }, old) => [
    ...immutable('driverName', driverName, old.driverName),
    ...immutable('parameters', parameters ?? {}, old.parameters ?? {}),
  ],
  columns: [
    nameColumn,
    { name: 'DriverName', type: 'string', description: 'Name of the driver.', value: ({ driverName }) => driverName },
    ageColumn,
  ],
})
