import { immutable, nonNegative, requiredValue } from '../../field-errors.ts'
import { defineKind } from '../../kind.ts'
import type { KubernetesObject } from '../../meta.ts'
import { controllerOf } from '../../object-meta.ts'
import { anyValue, int64, object, required } from '../../schema/fields.ts'
import { ageColumn, nameColumn } from '../columns.ts'

/** https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/controller-revision-v1/ */
export interface ControllerRevision extends KubernetesObject {
  data?: unknown
  revision: number
}

export const controllerRevisionKind = defineKind<ControllerRevision>({
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
  description: 'A state of a StatefulSet or DaemonSet, kept for going back.',
  schema: () =>
    object('ControllerRevision', 'A state of a workload, kept for going back.', {
      data: anyValue('The state, in a form that only its controller reads. It cannot be changed.'),
      revision: required(int64('Number of the state; the newest has the highest.')),
    }),
  applyDefaults(controllerRevision) {
    controllerRevision.revision ??= 0
  },
  validate: ({ data, revision }) => [
    ...(data === undefined ? [requiredValue('data', 'data is mandatory')] : []),
    ...nonNegative('revision', revision),
  ],
  validateUpdate: (controllerRevision, old) => immutable('data', controllerRevision.data, old.data),
  columns: [
    nameColumn,
    { name: 'Controller', type: 'string', description: 'The workload it is a state of.', value: formatController },
    { name: 'Revision', type: 'string', description: 'Number of the state.', value: ({ revision }) => revision },
    ageColumn,
  ],
})

/** `statefulset.apps/web`. */
function formatController(object: ControllerRevision): string {
  const owner = controllerOf(object)
  if (!owner) return '<none>'
  const { apiVersion = '', kind = '', name = '' } = owner
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : ''
  return `${`${kind}${group}`.toLowerCase()}/${name}`
}
