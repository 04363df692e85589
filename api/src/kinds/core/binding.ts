import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { field, object } from '../../schema/fields.ts'
import { objectReferenceSchema } from './object-reference.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/binding-v1/ */
export interface Binding extends KubernetesObject {
  target?: { kind?: string; name?: string }
}

/** What the subresource `binding` of a pod takes; never stored. */
export const bindingKind = defineKind<Binding>({
  group: '',
  version: 'v1',
  kind: 'Binding',
  plural: 'bindings',
  namespaced: true,
  columns: [],
  hasGeneration: false,
  description: 'The node a pod is to run on.',
  schema: () => object('Binding', 'The node a pod is to run on.', { target: field(objectReferenceSchema(), 'The node.') }),
})
