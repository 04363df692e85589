import { immutable, invalidIf, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject, Quantity } from '../../meta.ts'
import { isDnsLabel } from '../../names.ts'
import { atomic, field, list, object, quantityMap, required, string, stringMap } from '../../schema/fields.ts'
import { validateLabels } from '../../selectors/validate.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { tolerationSchema } from '../core/pod/scheduling-schema.ts'
import { validateResourceList } from '../core/pod/validate-resources.ts'
import { validateTolerations } from '../core/pod/validate-scheduling.ts'
import type { Toleration } from '../core/pod.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/node-resources/runtime-class-v1/ */
export interface RuntimeClass extends KubernetesObject {
  /** The Docker runtime of that name. */
  handler: string
  overhead?: { podFixed?: Record<string, Quantity> }
  scheduling?: { nodeSelector?: Record<string, string>; tolerations?: Toleration[] }
}

export const runtimeClassKind = defineKind<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  namespaced: false,
  description: 'A way to run containers that pods can ask for by name.',
  schema: () =>
    object('RuntimeClass', 'A way to run containers.', {
      handler: required(string("Name of the runtime in the nodes' Docker. Cannot be changed.")),
      overhead: field(
        object('Overhead', 'What it costs to run a pod so.', { podFixed: quantityMap('What each pod costs besides its containers.') }),
        'What it costs to run a pod so; added to the pods.',
      ),
      scheduling: field(
        object('Scheduling', 'Nodes that have the runtime.', {
          nodeSelector: atomic(stringMap('Labels that those nodes have; added to the nodeSelector of the pods.')),
          tolerations: list(tolerationSchema(), 'Taints of those nodes; added to the tolerations of the pods.'),
        }),
        'Nodes that have the runtime; all, if absent.',
      ),
    }),
  validate: ({ handler, overhead, scheduling }) => [
    ...(handler ? invalidIf('handler', handler, isDnsLabel(handler)) : [requiredValue('handler')]),
    ...validateResourceList(overhead?.podFixed ?? {}, 'overhead.podFixed'),
    ...validateLabels(scheduling?.nodeSelector, 'scheduling.nodeSelector'),
    ...validateTolerations(scheduling?.tolerations ?? [], 'scheduling.tolerations'),
  ],
  validateUpdate: ({ handler }, old) => immutable('handler', handler, old.handler),
  columns: [
    nameColumn,
    { name: 'Handler', type: 'string', description: "Name of the runtime in the nodes' Docker.", value: ({ handler }) => handler },
    ageColumn,
  ],
})
