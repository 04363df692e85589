import { immutable, invalidIf, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { isDnsSubdomain, isPathSegment } from '../../names.ts'
import { field, object, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { nameColumn } from '../columns.ts'
import { validateSegment } from './ingress-rules.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/ip-address-v1/ */
export interface IpAddress extends KubernetesObject {
  spec?: { parentRef?: ParentReference }
}

/** The object that has the address. */
export interface ParentReference {
  /** Empty for the core group. */
  group?: string
  resource?: string
  namespace?: string
  name?: string
}

export const ipAddressKind = defineKind<IpAddress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IPAddress',
  plural: 'ipaddresses',
  shortNames: ['ip'],
  namespaced: false,
  nameRule: 'address',
  description: 'An address that an object has; the name is the address.',
  schema: () =>
    object('IPAddress', 'An address that an object has.', {
      spec: field(
        object('IPAddressSpec', 'Whose the address is.', {
          parentRef: required(
            field(
              object('ParentReference', 'An object that has an address.', {
                group: string('Group of the object; empty for the core group.'),
                resource: required(string('Resource of the object, such as services.')),
                namespace: string('Namespace of the object.'),
                name: required(string('Name of the object.')),
              }),
              'The object that has the address. It cannot be changed.',
            ),
          ),
        }),
        'Whose the address is.',
      ),
    }),
  applyDefaults(address) {
    address.spec ??= {}
  },
  validate: ({ spec }) => (spec?.parentRef ? validateParent(spec.parentRef) : [requiredValue('spec.parentRef')]),
  validateUpdate: ({ spec }, { spec: old }) => immutable('spec.parentRef', spec?.parentRef, old?.parentRef),
  selectableFields: {},
  columns: [
    nameColumn,
    {
      name: 'ParentRef',
      type: 'string',
      description: 'The object that has the address.',
      value: ({ spec }) => formatParent(spec?.parentRef),
    },
  ],
})

function validateParent({ group, resource, name, namespace }: ParentReference): FieldError[] {
  const path = 'spec.parentRef'
  return [
    ...(group ? invalidIf(`${path}.group`, group, isDnsSubdomain(group)) : []),
    ...validateSegment(`${path}.resource`, resource),
    ...validateSegment(`${path}.name`, name),
    ...(namespace ? invalidIf(`${path}.namespace`, namespace, isPathSegment(namespace)) : []),
  ]
}

function formatParent(parent: ParentReference | undefined): string | undefined {
  if (!parent) return undefined
  const { group, resource = '', namespace, name = '' } = parent
  return [group ? `${resource}.${group}` : resource, ...(namespace ? [namespace] : []), name].join('/')
}
