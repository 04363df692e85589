import { isDeepStrictEqual } from 'node:util'
import { duplicateValue, immutable, invalidIf, invalidValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isDnsSubdomain } from '../../names.ts'
import { boolean, field, int64, list, object, oneOf, required, string, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/csi-driver-v1/ */
export interface CsiDriver extends KubernetesObject {
  spec: CsiDriverSpec
}

export interface CsiDriverSpec {
  attachRequired?: boolean
  podInfoOnMount?: boolean
  volumeLifecycleModes?: string[]
  storageCapacity?: boolean
  fsGroupPolicy?: 'ReadWriteOnceWithFSType' | 'File' | 'None'
  tokenRequests?: { audience?: string; expirationSeconds?: number }[]
  requiresRepublish?: boolean
  seLinuxMount?: boolean
  nodeAllocatableUpdatePeriodSeconds?: number
  serviceAccountTokenInSecrets?: boolean
}

const NAME_BYTES_MAX = 63
const TOKEN_SECONDS_MIN = 600
const UPDATE_SECONDS_MIN = 10

export const csiDriverKind = defineKind<CsiDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  namespaced: false,
  hasGeneration: true,
  description: 'What a storage driver can do. Davit runs no CSI drivers; what they write is kept for them.',
  schema: () =>
    object('CSIDriver', 'What a storage driver can do.', {
      spec: required(
        field(
          object('CSIDriverSpec', 'What the driver can do.', {
            attachRequired: boolean('Whether volumes are attached to a node before they are mounted; true by default. Cannot be changed.'),
            podInfoOnMount: boolean('Whether the driver is told of the pod; false by default.'),
            volumeLifecycleModes: strings('Persistent, Ephemeral, or both; Persistent by default. Cannot be changed.', { listType: 'set' }),
            storageCapacity: boolean('Whether the driver tells its capacity; false by default.'),
            fsGroupPolicy: oneOf(
              ['ReadWriteOnceWithFSType', 'File', 'None'],
              'Whether owners and modes of files can be changed; ReadWriteOnceWithFSType by default.',
            ),
            tokenRequests: list(
              object('TokenRequest', 'A token the driver is given.', {
                audience: required(string('Whom it is for; empty: the API server.')),
                expirationSeconds: int64('How long it is good.'),
              }),
              'Tokens of pods that the driver is given.',
            ),
            requiresRepublish: boolean('Whether volumes are mounted again from time to time; false by default.'),
            seLinuxMount: boolean('Whether the driver mounts with SELinux labels; false by default.'),
            nodeAllocatableUpdatePeriodSeconds: int64('How often the number of volumes a node can have is asked for; at least 10.'),
            serviceAccountTokenInSecrets: boolean('Whether the driver gets tokens as secrets.'),
          }),
          'What the driver can do.',
        ),
      ),
    }),
  applyDefaults(driver) {
    const { spec } = driver
    if (!spec) return
    spec.attachRequired ??= true
    spec.podInfoOnMount ??= false
    spec.storageCapacity ??= false
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType'
    spec.requiresRepublish ??= false
    spec.seLinuxMount ??= false
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent']
  },
  validate: ({ metadata: { name = '' }, spec = {} }) => [...validateDriverName(name, 'metadata.name'), ...validateSpec(spec)],
  validateUpdate: ({ spec = {} }, { spec: old = {} }) => [
    ...immutable('spec.attachedRequired', spec.attachRequired, old.attachRequired),
    ...immutable('spec.volumeLifecycleModes', spec.volumeLifecycleModes, old.volumeLifecycleModes),
  ],
  columns: [
    nameColumn,
    {
      name: 'AttachRequired',
      type: 'boolean',
      description: 'Whether volumes are attached first.',
      value: ({ spec }) => spec?.attachRequired,
    },
    {
      name: 'PodInfoOnMount',
      type: 'boolean',
      description: 'Whether the driver is told of the pod.',
      value: ({ spec }) => spec?.podInfoOnMount,
    },
    {
      name: 'StorageCapacity',
      type: 'boolean',
      description: 'Whether the driver tells its capacity.',
      value: ({ spec }) => spec?.storageCapacity,
    },
    {
      name: 'TokenRequests',
      type: 'string',
      description: 'For whom the driver is given tokens.',
      value: ({ spec }) => spec?.tokenRequests?.map(({ audience }) => audience ?? '').join(',') ?? '<unset>',
    },
    {
      name: 'RequiresRepublish',
      type: 'boolean',
      description: 'Whether volumes are mounted again from time to time.',
      value: ({ spec }) => spec?.requiresRepublish,
    },
    { name: 'Modes', type: 'string', description: 'How long volumes live.', value: ({ spec }) => spec?.volumeLifecycleModes?.join(',') },
    ageColumn,
  ],
})

/** Names of drivers are short names of domains. */
export function validateDriverName(name: string, at: string): FieldError[] {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX) return [tooLong(at, NAME_BYTES_MAX)]
  return invalidIf(at, name, isDnsSubdomain(name.toLowerCase()))
}

function validateSpec({ tokenRequests = [], volumeLifecycleModes = [], nodeAllocatableUpdatePeriodSeconds }: CsiDriverSpec): FieldError[] {
  const errors: FieldError[] = []
  for (const [i, { audience = '', expirationSeconds }] of tokenRequests.entries()) {
    const at = `spec.tokenRequests[${i}]`
    if (tokenRequests.findIndex(other => isDeepStrictEqual(other.audience ?? '', audience)) < i)
      errors.push(duplicateValue(`${at}.audience`, audience))
    if (expirationSeconds === undefined) continue
    if (expirationSeconds < TOKEN_SECONDS_MIN) {
      errors.push(invalidValue(`${at}.expirationSeconds`, expirationSeconds, 'may not specify a duration less than 10 minutes'))
    } else if (expirationSeconds > 2 ** 32) {
      errors.push(invalidValue(`${at}.expirationSeconds`, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'))
    }
  }
  for (const mode of volumeLifecycleModes) {
    if (mode === 'Persistent' || mode === 'Ephemeral') continue
    errors.push({ type: 'NotSupported', field: 'spec.volumeLifecycleModes', value: mode, supported: ['Ephemeral', 'Persistent'] })
  }
  const seconds = nodeAllocatableUpdatePeriodSeconds
  if (seconds !== undefined && seconds < UPDATE_SECONDS_MIN) {
    errors.push(
      invalidValue('spec.nodeAllocatableUpdatePeriodSeconds', seconds, `must be greater than or equal to ${UPDATE_SECONDS_MIN} seconds`),
    )
  }
  return errors
}
