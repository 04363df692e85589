import { isDeepStrictEqual } from 'node:util'
import { duplicateValue, forbiddenField, immutable, invalidIf, requiredValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isQualifiedName } from '../../names.ts'
import { atomic, boolean, list, object, oneOf, required, string, stringMap, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/storage-class-v1/ */
export interface StorageClass extends KubernetesObject {
  provisioner: string
  parameters?: Record<string, string>
  reclaimPolicy?: 'Delete' | 'Retain'
  mountOptions?: string[]
  allowVolumeExpansion?: boolean
  volumeBindingMode?: 'Immediate' | 'WaitForFirstConsumer'
  allowedTopologies?: TopologySelectorTerm[]
}

export interface TopologySelectorTerm {
  matchLabelExpressions?: { key: string; values: string[] }[]
}

/** On the class that claims get which name none. The older name of it is still in use, too. */
export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class'
const OLD_DEFAULT_CLASS_ANNOTATION = 'storageclass.beta.kubernetes.io/is-default-class'

const PARAMETERS_BYTES_MAX = 256 * 1024
const PARAMETERS_MAX = 512

export const storageClassKind = defineKind<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  description: 'A kind of storage that claims can ask for by name.',
  schema: () =>
    object('StorageClass', 'A kind of storage.', {
      provisioner: required(string('Who makes the volumes; `davit.dev/local` makes directories or Docker volumes of nodes.')),
      parameters: stringMap('What the provisioner is told.'),
      reclaimPolicy: oneOf(['Delete', 'Retain'], 'What becomes of volumes when their claims are gone. Delete by default.'),
      mountOptions: strings('Options for mounting the volumes.'),
      allowVolumeExpansion: boolean('Whether claims may ask for more later.'),
      volumeBindingMode: oneOf(
        ['Immediate', 'WaitForFirstConsumer'],
        'Whether a volume is made at once, or when the first pod that uses it has a node. Immediate by default.',
      ),
      allowedTopologies: list(
        atomic(
          object('TopologySelectorTerm', 'Labels that nodes must have.', {
            matchLabelExpressions: list(
              object('TopologySelectorLabelRequirement', 'What one label must be.', {
                key: required(string('Label key.')),
                values: required(strings('Values of which it must have one.')),
              }),
              'Requirements that must all hold.',
            ),
          }),
        ),
        'Nodes on which volumes may be made; all, if absent.',
      ),
    }),
  applyDefaults(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete'
    storageClass.volumeBindingMode ??= 'Immediate'
  },
  validate: storageClass => [
    ...validateProvisioner(storageClass.provisioner),
    ...validateParameters(storageClass.parameters ?? {}),
    ...validateTopologies(storageClass.allowedTopologies ?? []),
  ],
  validateUpdate(storageClass, old) {
    const errors: FieldError[] = []
    for (const name of ['parameters', 'provisioner', 'reclaimPolicy'] as const) {
      if (!isDeepStrictEqual(storageClass[name], old[name])) errors.push(forbiddenField(name, `updates to ${name} are forbidden.`))
    }
    return [...errors, ...immutable('volumeBindingMode', storageClass.volumeBindingMode, old.volumeBindingMode)]
  },
  columns: [
    {
      ...nameColumn,
      value: storageClass => `${storageClass.metadata.name}${isDefaultStorageClass(storageClass) ? ' (default)' : ''}`,
    },
    { name: 'Provisioner', type: 'string', description: 'Who makes the volumes.', value: ({ provisioner }) => provisioner },
    {
      name: 'ReclaimPolicy',
      type: 'string',
      description: 'What becomes of volumes when their claims are gone.',
      value: ({ reclaimPolicy }) => reclaimPolicy,
    },
    {
      name: 'VolumeBindingMode',
      type: 'string',
      description: 'Whether volumes are made at once or for the first pod.',
      value: ({ volumeBindingMode }) => volumeBindingMode,
    },
    {
      name: 'AllowVolumeExpansion',
      type: 'string',
      description: 'Whether claims may ask for more later.',
      value: ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false,
    },
    ageColumn,
  ],
})

/** Whether claims that name no class get this one. */
export function isDefaultStorageClass({ metadata }: KubernetesObject): boolean {
  return [DEFAULT_CLASS_ANNOTATION, OLD_DEFAULT_CLASS_ANNOTATION].some(name => metadata.annotations?.[name] === 'true')
}

function validateProvisioner(provisioner: string | undefined): FieldError[] {
  if (!provisioner) return [requiredValue('provisioner')]
  return invalidIf('provisioner', provisioner, isQualifiedName(provisioner.toLowerCase()))
}

function validateParameters(parameters: Readonly<Record<string, string>>): FieldError[] {
  const entries = Object.entries(parameters)
  const errors: FieldError[] = entries.some(([name]) => !name) ? [requiredValue('parameters', 'parameter name cannot be empty.')] : []
  const bytes = entries.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0)
  if (bytes > PARAMETERS_BYTES_MAX) errors.push(tooLong('parameters', PARAMETERS_BYTES_MAX))
  if (entries.length > PARAMETERS_MAX) errors.push(tooLong('parameters', PARAMETERS_MAX))
  return errors
}

function validateTopologies(terms: readonly TopologySelectorTerm[]): FieldError[] {
  return terms.flatMap(({ matchLabelExpressions = [] }, i) => {
    const keys = matchLabelExpressions.map(({ key }) => key)
    return matchLabelExpressions.flatMap(({ key, values }, j) => {
      const at = `allowedTopologies[${i}].matchLabelExpressions[${j}]`
      const errors = invalidIf(`${at}.key`, key, isQualifiedName(key ?? ''))
      if (!values?.length) errors.push(requiredValue(`${at}.values`))
      if (keys.indexOf(key) < j) errors.push(duplicateValue(`${at}.key`, key))
      return errors
    })
  })
}
