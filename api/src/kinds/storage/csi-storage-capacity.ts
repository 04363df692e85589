import { immutable, invalidIf, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, LabelSelector, Quantity } from '../../meta.ts'
import { isDnsSubdomain } from '../../names.ts'
import { field, object, quantity, required, string } from '../../schema/fields.ts'
import { labelSelectorSchema } from '../../schema/label-selector.ts'
import { validateLabelSelector } from '../../selectors/validate.ts'
import { nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/csi-storage-capacity-v1/ */
export interface CsiStorageCapacity extends KubernetesObject {
  nodeTopology?: LabelSelector
  storageClassName: string
  capacity?: Quantity
  maximumVolumeSize?: Quantity
}

export const csiStorageCapacityKind = defineKind<CsiStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  namespaced: true,
  hasGeneration: false,
  description: 'How much storage of a class there is for some nodes.',
  schema: () =>
    object('CSIStorageCapacity', 'How much storage of a class there is for some nodes.', {
      nodeTopology: field(labelSelectorSchema(), 'The nodes; none, if absent. Cannot be changed.'),
      storageClassName: required(string('The StorageClass. Cannot be changed.')),
      capacity: quantity('How much is left, as the driver tells it.'),
      maximumVolumeSize: quantity('The largest volume that can be made.'),
    }),
  validate: ({ storageClassName, nodeTopology }) => [
    ...(storageClassName
      ? invalidIf('storageClassName', storageClassName, isDnsSubdomain(storageClassName))
      : [requiredValue('storageClassName')]),
    ...validateLabelSelector(nodeTopology, 'nodeTopology'),
  ],
  validateUpdate: (capacity, old) => [
    ...immutable('nodeTopology', capacity.nodeTopology, old.nodeTopology),
    ...immutable('storageClassName', capacity.storageClassName, old.storageClassName),
  ],
  columns: [
    nameColumn,
    { name: 'StorageClassName', type: 'string', description: 'The StorageClass.', value: ({ storageClassName }) => storageClassName },
    {
      name: 'Capacity',
      type: 'string',
      description: 'How much is left.',
      value: ({ capacity }) => (capacity === undefined ? '<unset>' : String(capacity)),
    },
  ],
})
