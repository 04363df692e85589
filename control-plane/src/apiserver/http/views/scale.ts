import { ageSince, type Kind, type KubernetesObject, type PrinterColumn } from '@davit/api'

interface ScaleNumbers extends KubernetesObject {
  spec?: { replicas?: number }
  status?: { replicas?: number }
}

const COLUMNS: readonly PrinterColumn<ScaleNumbers>[] = [
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name of the object that is scaled.',
    value: ({ metadata }) => metadata.name,
  },
  { name: 'Desired', type: 'integer', description: 'How many replicas are wanted.', value: ({ spec }) => spec?.replicas ?? 0 },
  { name: 'Available', type: 'integer', description: 'How many replicas there are.', value: ({ status }) => status?.replicas ?? 0 },
  {
    name: 'Age',
    type: 'date',
    description: 'Time since the object was created.',
    value: ({ metadata }, now) => ageSince(metadata.creationTimestamp, now),
  },
]

/** How the Scale of an object of `kind` is shown. */
export function scaleKind(kind: Kind): Kind {
  return { ...kind, group: 'autoscaling', version: 'v1', kind: 'Scale', columns: COLUMNS as readonly PrinterColumn<KubernetesObject>[] }
}
