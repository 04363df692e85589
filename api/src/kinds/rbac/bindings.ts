/** What RoleBindings and ClusterRoleBindings have in common, which is nearly everything. */
import { isDeepStrictEqual } from 'node:util'
import { invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import type { PrinterColumn } from '../../kind.ts'
import { isDnsSubdomain, isPathSegment } from '../../names.ts'
import { once } from '../../once.ts'
import { atomic, field, list, object, required, string } from '../../schema/fields.ts'
import type { FieldError } from '../../status.ts'
import { ageColumn, nameColumn } from '../columns.ts'
import { RBAC_GROUP, type RoleBinding, type RoleRef, type Subject } from './types.ts'

/** The fields `subjects` and `roleRef`. */
export const bindingFields = once(() => ({
  subjects: list(
    atomic(
      object('Subject', 'A user, a group or a ServiceAccount.', {
        kind: required(string('User, Group or ServiceAccount.')),
        apiGroup: string('Group of the kind: empty for ServiceAccount, rbac.authorization.k8s.io for User and Group. Filled in.'),
        name: required(string('Its name.')),
        namespace: string('Namespace of a ServiceAccount.'),
      }),
    ),
    'To whom the role is given.',
  ),
  roleRef: required(
    field(
      atomic(
        object('RoleRef', 'The role that a binding gives.', {
          apiGroup: required(string('Always rbac.authorization.k8s.io. Filled in.')),
          kind: required(string('Role or ClusterRole.')),
          name: required(string('Name of the role.')),
        }),
      ),
      'Which role is given. It cannot be changed.',
    ),
  ),
}))

export function applyBindingDefaults({ roleRef, subjects = [] }: RoleBinding): void {
  if (roleRef && !roleRef.apiGroup) roleRef.apiGroup = RBAC_GROUP
  for (const subject of subjects) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) subject.apiGroup = RBAC_GROUP
  }
}

/** `roleKinds`: what may be bound. */
export function validateBinding(binding: RoleBinding, roleKinds: readonly string[], isNamespaced: boolean): FieldError[] {
  const { roleRef = {} as RoleRef, subjects = [] } = binding
  const { apiGroup = '', kind = '', name = '' } = roleRef
  const errors: FieldError[] = []
  if (apiGroup !== RBAC_GROUP) errors.push(unsupportedValue('roleRef.apiGroup', apiGroup, [RBAC_GROUP]))
  if (!roleKinds.includes(kind)) errors.push(unsupportedValue('roleRef.kind', kind, roleKinds))
  if (name) errors.push(...invalidIf('roleRef.name', name, isPathSegment(name)))
  else errors.push(requiredValue('roleRef.name'))
  return [...errors, ...subjects.flatMap((subject, i) => validateSubject(subject, `subjects[${i}]`, isNamespaced))]
}

export function validateBindingUpdate({ roleRef }: RoleBinding, { roleRef: old }: RoleBinding): FieldError[] {
  return isDeepStrictEqual(roleRef, old) ? [] : [invalidValue('roleRef', roleRef, 'cannot change roleRef')]
}

const SUBJECT_KINDS = ['ServiceAccount', 'User', 'Group'] as const

function validateSubject({ kind, apiGroup = '', name, namespace }: Subject, path: string, isNamespaced: boolean): FieldError[] {
  const errors: FieldError[] = name ? [] : [requiredValue(`${path}.name`)]
  switch (kind) {
    case 'ServiceAccount':
      if (name) errors.push(...invalidIf(`${path}.name`, name, isDnsSubdomain(name)))
      if (apiGroup) errors.push(unsupportedValue(`${path}.apiGroup`, apiGroup, ['']))
      if (!isNamespaced && !namespace) errors.push(requiredValue(`${path}.namespace`))
      break
    case 'User':
    case 'Group':
      if (!name) errors.push(invalidValue(`${path}.name`, '', `${kind.toLowerCase()} name cannot be empty`))
      if (apiGroup !== RBAC_GROUP) errors.push(unsupportedValue(`${path}.apiGroup`, apiGroup, [RBAC_GROUP]))
      break
    default:
      errors.push(unsupportedValue(`${path}.kind`, kind ?? '', SUBJECT_KINDS))
  }
  return errors
}

const namesOf = ({ subjects = [] }: RoleBinding, kind: string) => subjects.filter(subject => subject.kind === kind)

export const bindingColumns: readonly PrinterColumn<RoleBinding>[] = [
  nameColumn,
  { name: 'Role', type: 'string', description: 'The role that is given.', value: ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}` },
  ageColumn,
  {
    name: 'Users',
    type: 'string',
    priority: 1,
    description: 'Users that have the role.',
    value: binding =>
      namesOf(binding, 'User')
        .map(({ name }) => name)
        .join(', '),
  },
  {
    name: 'Groups',
    type: 'string',
    priority: 1,
    description: 'Groups that have the role.',
    value: binding =>
      namesOf(binding, 'Group')
        .map(({ name }) => name)
        .join(', '),
  },
  {
    name: 'ServiceAccounts',
    type: 'string',
    priority: 1,
    description: 'ServiceAccounts that have the role.',
    value: binding =>
      namesOf(binding, 'ServiceAccount')
        .map(({ namespace = '', name }) => `${namespace}/${name}`)
        .join(', '),
  },
]
