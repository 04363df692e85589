import { once } from '../../once.ts'
import { atomic, object, string } from '../../schema/fields.ts'

/** Points at an object or a part of one. */
export interface ObjectReference {
  kind?: string
  namespace?: string
  name?: string
  uid?: string
  apiVersion?: string
  resourceVersion?: string
  fieldPath?: string
}

/** The component `ObjectReference`. */
export const objectReferenceSchema = once(() =>
  atomic(
    object('ObjectReference', 'Points at an object or a part of one.', {
      kind: string('Kind of the object.'),
      namespace: string('Namespace of the object.'),
      name: string('Name of the object.'),
      uid: string('Uid of the object.'),
      apiVersion: string('API version of the object.'),
      resourceVersion: string('Version of the object that is meant.'),
      fieldPath: string('The part that is meant, such as `spec.containers{web}`.'),
    }),
  ),
)
