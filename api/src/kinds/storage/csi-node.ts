import { isDeepStrictEqual } from 'node:util'
import { duplicateValue, forbiddenField, invalidIf, invalidValue, requiredValue, tooLong } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isQualifiedName } from '../../names.ts'
import { field, int32, list, object, required, string, strings } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { validateDriverName } from './csi-driver.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/csi-node-v1/ */
export interface CsiNode extends KubernetesObject {
  spec: { drivers: CsiNodeDriver[] }
}

export interface CsiNodeDriver {
  name: string
  nodeID: string
  topologyKeys?: string[]
  allocatable?: { count?: number }
}

const NODE_ID_BYTES_MAX = 192

export const csiNodeKind = defineKind<CsiNode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  plural: 'csinodes',
  namespaced: false,
  hasGeneration: false,
  description: 'The storage drivers of a node.',
  schema: () =>
    object('CSINode', 'The storage drivers of a node.', {
      spec: required(
        field(
          object('CSINodeSpec', 'The drivers.', {
            drivers: required(
              list(
                object('CSINodeDriver', 'A driver on the node.', {
                  name: required(string('Name of the driver.')),
                  nodeID: required(string('What the driver calls the node.')),
                  topologyKeys: strings('Labels of the node by which the driver tells where volumes can be reached.'),
                  allocatable: field(
                    object('VolumeNodeResources', 'What the driver can do on the node.', {
                      count: int32('How many volumes the node can have.'),
                    }),
                    'What the driver can do on the node.',
                  ),
                }),
                'The drivers; an entry cannot be changed, only removed.',
                { mergeKey: 'name' },
              ),
            ),
          }),
          'The drivers.',
        ),
      ),
    }),
  applyDefaults(node) {
    if (node.spec) node.spec.drivers ??= []
  },
  validate: ({ spec }) => (spec?.drivers ?? []).flatMap((driver, i, all) => validateDriver(driver, i, all)),
  validateUpdate: ({ spec }, { spec: old }) => {
    const drivers = spec?.drivers ?? []
    return drivers.flatMap(driver => {
      const before = old?.drivers?.find(({ name }) => name === driver.name)
      if (!before || isDeepStrictEqual(before, driver)) return []
      return [forbiddenField('spec.drivers', `updates to the driver ${JSON.stringify(driver.name)} are forbidden`)]
    })
  },
  columns: [
    nameColumn,
    { name: 'Drivers', type: 'integer', description: 'How many drivers the node has.', value: ({ spec }) => spec?.drivers?.length ?? 0 },
    ageColumn,
  ],
})

function validateDriver(
  { name = '', nodeID = '', topologyKeys = [], allocatable }: CsiNodeDriver,
  i: number,
  all: readonly CsiNodeDriver[],
): FieldError[] {
  const at = `spec.drivers[${i}]`
  const errors = name ? validateDriverName(name, `${at}.name`) : [requiredValue(`${at}.name`)]
  if (all.findIndex(other => other.name === name) < i) errors.push(duplicateValue(`${at}.name`, name))
  if (!nodeID) errors.push(requiredValue(`${at}.nodeID`))
  else if (Buffer.byteLength(nodeID) > NODE_ID_BYTES_MAX) errors.push(tooLong(`${at}.nodeID`, NODE_ID_BYTES_MAX))
  const { count } = allocatable ?? {}
  if (count !== undefined && count < 0) errors.push(invalidValue(`${at}.allocatable.count`, count, 'must be greater than or equal to 0'))
  for (const [j, key] of topologyKeys.entries()) {
    errors.push(...invalidIf(`${at}.topologyKeys`, key, isQualifiedName(key)))
    if (topologyKeys.indexOf(key) < j) errors.push(duplicateValue(`${at}.topologyKeys`, key))
  }
  return errors
}
