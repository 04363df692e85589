/** References from a pod to other objects and to its own fields. */
import { once } from '../../../once.ts'
import { atomic, boolean, object, quantity, required, string } from '../../../schema/fields.ts'

export const localObjectReference = once(() =>
  atomic(object('LocalObjectReference', 'An object of the same namespace.', { name: string('Name of the object.') })),
)

export const typedLocalObjectReference = once(() =>
  atomic(
    object('TypedLocalObjectReference', 'An object in the same namespace.', {
      apiGroup: string('Group of the object.'),
      kind: required(string('Kind of the object.')),
      name: required(string('Name of the object.')),
    }),
  ),
)

export const fieldRef = once(() =>
  atomic(
    object('ObjectFieldSelector', 'A field of the pod.', {
      apiVersion: string('Version in which the path is written; v1 by default.'),
      fieldPath: required(string('Path of the field, such as metadata.name or status.podIP.')),
    }),
  ),
)

export const resourceFieldRef = once(() =>
  atomic(
    object('ResourceFieldSelector', "A container's limit or request.", {
      containerName: string('Name of the container; optional in env, required in volumes.'),
      resource: required(string('What to read, such as limits.cpu or requests.memory.')),
      divisor: quantity('Unit of the result; 1 by default.'),
    }),
  ),
)

function keySelector(component: string, kind: string) {
  return atomic(
    object(component, `One key of a ${kind}.`, {
      name: string(`Name of the ${kind}.`),
      key: required(string('The key.')),
      optional: boolean(`Whether the ${kind} or its key may be missing.`),
    }),
  )
}

export const configMapKey = once(() => keySelector('ConfigMapKeySelector', 'ConfigMap'))
export const secretKey = once(() => keySelector('SecretKeySelector', 'Secret'))
