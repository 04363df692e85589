import { immutable, invalidIf, invalidValue, requiredValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isConfigMapKey } from '../../names.ts'
import { boolean, bytesMap, object, string, stringMap } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { DATA_BYTES_MAX, validateImmutableData } from './config-map.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/secret-v1/ */
export interface Secret extends KubernetesObject {
  immutable?: boolean
  /** Values in base64. */
  data?: Record<string, string>
  /** Only for writing: goes into `data`. */
  stringData?: Record<string, string>
  type?: string
}

export const SECRET_TYPES = {
  opaque: 'Opaque',
  serviceAccountToken: 'kubernetes.io/service-account-token',
  dockercfg: 'kubernetes.io/dockercfg',
  dockerconfigjson: 'kubernetes.io/dockerconfigjson',
  basicAuth: 'kubernetes.io/basic-auth',
  sshAuth: 'kubernetes.io/ssh-auth',
  tls: 'kubernetes.io/tls',
} as const

const SERVICE_ACCOUNT_ANNOTATION = 'kubernetes.io/service-account.name'
/** Keys a type must have; of `basic-auth` one suffices. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  [SECRET_TYPES.dockercfg]: ['.dockercfg'],
  [SECRET_TYPES.dockerconfigjson]: ['.dockerconfigjson'],
  [SECRET_TYPES.sshAuth]: ['ssh-privatekey'],
  [SECRET_TYPES.tls]: ['tls.crt', 'tls.key'],
}

export const secretKind = defineKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  namespaced: true,
  description: 'Settings that not everybody may see, such as passwords and keys. Stored encrypted.',
  schema: () =>
    object('Secret', 'Settings that not everybody may see.', {
      immutable: boolean('When true, the data cannot be changed any more, nor this field taken back.'),
      data: bytesMap('The settings, each value in base64.'),
      stringData: stringMap('Settings as plain text, for writing only: they go into data, over what is there.'),
      type: string('What the Secret is for; some types must have certain keys. Default Opaque. It cannot be changed.'),
    }),
  applyDefaults(secret) {
    secret.type ||= SECRET_TYPES.opaque
    if (!secret.stringData) return
    const encoded = Object.entries(secret.stringData).map(([key, text]) => [key, Buffer.from(text).toString('base64')])
    secret.data = { ...secret.data, ...Object.fromEntries(encoded) }
    delete secret.stringData
  },
  validate: secret => {
    const errors: FieldError[] = []
    let size = 0
    for (const [key, value] of Object.entries(secret.data ?? {})) {
      errors.push(...invalidIf(`data[${key}]`, key, isConfigMapKey(key)))
      size += Buffer.byteLength(value, 'base64')
    }
    if (size > DATA_BYTES_MAX) errors.push(tooLong('data', DATA_BYTES_MAX))
    return [...errors, ...validateType(secret)]
  },
  validateUpdate: (secret, old) => [...immutable('type', secret.type, old.type), ...validateImmutableData(secret, old, ['data'])],
  selectableFields: { type: secret => secret.type ?? '' },
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'What the Secret is for.', value: secret => secret.type },
    { name: 'Data', type: 'integer', description: 'How many settings it has.', value: secret => Object.keys(secret.data ?? {}).length },
    ageColumn,
  ],
})

function validateType({ type = '', data = {}, metadata }: Secret): FieldError[] {
  if (type === SECRET_TYPES.serviceAccountToken) {
    const named = metadata.annotations?.[SERVICE_ACCOUNT_ANNOTATION]
    return named ? [] : [requiredValue(`metadata.annotations[${SERVICE_ACCOUNT_ANNOTATION}]`)]
  }
  if (type === SECRET_TYPES.basicAuth) {
    const keys = ['username', 'password']
    return keys.some(key => Object.hasOwn(data, key)) ? [] : keys.map(key => requiredValue(`data[${key}]`))
  }
  const keys = Object.hasOwn(REQUIRED_KEYS, type) ? (REQUIRED_KEYS[type] ?? []) : []
  const missing = keys.filter(key => !Object.hasOwn(data, key)).map(key => requiredValue(`data[${key}]`))
  if (type !== SECRET_TYPES.dockercfg && type !== SECRET_TYPES.dockerconfigjson) return missing
  return [...missing, ...keys.filter(key => Object.hasOwn(data, key)).flatMap(key => validateJson(key, data[key] ?? ''))]
}

function validateJson(key: string, value: string): FieldError[] {
  try {
    JSON.parse(Buffer.from(value, 'base64').toString())
    return []
  } catch {
    // Neither the value nor the parser's message, which quotes it, may be shown.
    return [invalidValue(`data[${key}]`, '<secret contents redacted>', 'must be valid JSON')]
  }
}
