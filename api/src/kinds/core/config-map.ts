import { isDeepStrictEqual } from 'node:util'
import { forbiddenField, invalidIf, invalidValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isConfigMapKey } from '../../names.ts'
import { boolean, bytesMap, object, stringMap } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/ */
export interface ConfigMap extends KubernetesObject {
  immutable?: boolean
  data?: Record<string, string>
  /** Values in base64. */
  binaryData?: Record<string, string>
}

/** What the values of a ConfigMap or Secret may weigh together. */
export const DATA_BYTES_MAX = 1024 * 1024

export const configMapKind = defineKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  shortNames: ['cm'],
  namespaced: true,
  description: 'Settings for pods to use, as environment variables or files.',
  schema: () =>
    object('ConfigMap', 'Settings for pods to use.', {
      immutable: boolean('When true, the data cannot be changed any more, nor this field taken back.'),
      data: stringMap('The settings. Keys may have letters, digits, `-`, `_` and `.`; values are text.'),
      binaryData: bytesMap('Settings that are not text, in base64. No key may be in data too.'),
    }),
  validate: configMap => {
    const errors: FieldError[] = []
    let size = 0
    for (const [key, value] of Object.entries(configMap.data ?? {})) {
      errors.push(...invalidIf(`data[${key}]`, key, isConfigMapKey(key)))
      if (configMap.binaryData && Object.hasOwn(configMap.binaryData, key)) {
        errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'))
      }
      size += Buffer.byteLength(value)
    }
    for (const [key, value] of Object.entries(configMap.binaryData ?? {})) {
      errors.push(...invalidIf(`binaryData[${key}]`, key, isConfigMapKey(key)))
      size += Buffer.byteLength(value, 'base64')
    }
    // Upstream names no field here, and prints an empty one so.
    if (size > DATA_BYTES_MAX) errors.push(tooLong('[]', DATA_BYTES_MAX))
    return errors
  },
  validateUpdate: (configMap, old) => validateImmutableData(configMap, old, ['data', 'binaryData']),
  selectableFields: {},
  columns: [
    nameColumn,
    {
      name: 'Data',
      type: 'integer',
      description: 'How many settings it has.',
      value: ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length,
    },
    ageColumn,
  ],
})

/** Once `immutable` is set, neither it nor the data may change. */
export function validateImmutableData<T extends { immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return []
  const changed = fields.filter(field => !isDeepStrictEqual(object[field] ?? {}, old[field] ?? {}))
  return [...(object.immutable ? [] : ['immutable']), ...changed].map(field =>
    forbiddenField(field, 'field is immutable when `immutable` is set'),
  )
}
