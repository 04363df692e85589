import { invalidIf } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { Condition, KubernetesObject } from '../../meta.ts'
import { isQualifiedName } from '../../names.ts'
import { conditionListSchema } from '../../schema/conditions.ts'
import { field, object, oneOf, strings } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/namespace-v1/ */
export interface Namespace extends KubernetesObject {
  spec?: NamespaceSpec
  status?: NamespaceStatus
}

export interface NamespaceSpec {
  finalizers?: string[]
}

export interface NamespaceStatus {
  phase?: 'Active' | 'Terminating'
  conditions?: Condition[]
}

/** Every namespace carries its own name under this label, so that selectors can find it. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name'

export const namespaceKind = defineKind<Namespace>({
  group: '',
  version: 'v1',
  kind: 'Namespace',
  plural: 'namespaces',
  shortNames: ['ns'],
  namespaced: false,
  subresources: ['status', 'finalize'],
  hasGeneration: false,
  nameRule: 'label',
  // Its finalizers are changed only by those who empty it, through `finalize`.
  keepsSpec: true,
  description: 'A room for names: objects in it have names of their own, and go when it goes.',
  schema: () =>
    object('Namespace', 'A room for names.', {
      spec: field(
        object('NamespaceSpec', 'What a namespace is to be.', {
          finalizers: strings('What must be emptied before the namespace goes; changed only through `finalize`.'),
        }),
        'What the namespace is to be.',
      ),
      status: field(
        object('NamespaceStatus', 'How a namespace is.', {
          phase: oneOf(['Active', 'Terminating'], 'Active, or Terminating once its deletion was asked for.'),
          conditions: conditionListSchema('NamespaceCondition', 'How far the deletion has come and what holds it up.'),
        }),
        'How the namespace is.',
      ),
    }),
  applyDefaults(namespace) {
    const { metadata } = namespace
    if (metadata.name && metadata.labels?.[NAMESPACE_NAME_LABEL] !== metadata.name) {
      metadata.labels = { ...metadata.labels, [NAMESPACE_NAME_LABEL]: metadata.name }
    }
    namespace.spec ??= {}
    namespace.status ??= {}
    namespace.status.phase ??= 'Active'
  },
  validate: ({ spec }) => (spec?.finalizers ?? []).flatMap(name => invalidIf('spec.finalizers', name, isQualifiedName(name))),
  selectableFields: { 'status.phase': namespace => namespace.status?.phase ?? '' },
  columns: [
    nameColumn,
    {
      name: 'Status',
      type: 'string',
      description: 'Active, or Terminating once its deletion was asked for.',
      value: namespace => namespace.status?.phase,
    },
    ageColumn,
  ],
})
