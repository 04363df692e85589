import { once } from '../once.ts'
import { anyObject, atomic, boolean, int64, list, object, required, string, stringMap, strings, time } from './fields.ts'

/** The component `ObjectMeta`, as it stands in every object and in templates of objects. */
export const objectMetaSchema = once(() =>
  object('ObjectMeta', 'What all objects have in common: their names, labels and history.', {
    name: string('Name, unique among objects of the kind in the namespace. Cannot be changed.'),
    generateName: string('Start of a name that the server completes; used only if name is empty.'),
    namespace: string('Namespace the object is in. Cannot be changed.'),
    selfLink: string('Obsolete; always empty.'),
    uid: string('Identity of this object in time and space, given by the server.'),
    resourceVersion: string(
      'Version of the object as stored; opaque. Sent with an update, the update fails if the object has changed since.',
    ),
    generation: int64('Number of the desired state, raised by the server when that changes.'),
    creationTimestamp: time('When the server created the object.'),
    deletionTimestamp: time('When the object is to be gone; set by the server when deletion was asked for.'),
    deletionGracePeriodSeconds: int64('Seconds allowed for ending gracefully; only with deletionTimestamp.'),
    labels: stringMap('Keys and values by which objects are selected and sorted.'),
    annotations: stringMap('Keys and values kept for tools and people; nothing selects by them.'),
    ownerReferences: list(
      atomic(
        object('OwnerReference', 'An object this one belongs to, in the same namespace or without one.', {
          apiVersion: required(string('API version of the owner.')),
          kind: required(string('Kind of the owner.')),
          name: required(string('Name of the owner.')),
          uid: required(string('Uid of the owner.')),
          controller: boolean('Whether the owner manages this object.'),
          blockOwnerDeletion: boolean('Whether the owner, deleted in the foreground, waits for this object to go.'),
        }),
      ),
      'Owners; when all are gone this object is deleted too.',
      { mergeKey: 'uid' },
    ),
    finalizers: strings('Names of duties that must be done before the object goes.', { patchStrategy: 'merge', listType: 'set' }),
    managedFields: list(
      object('ManagedFieldsEntry', 'The fields one manager has set.', {
        manager: string('Who.'),
        operation: string('Apply or Update.'),
        apiVersion: string('Version the fields belong to.'),
        time: time('When it last changed.'),
        fieldsType: string('Always FieldsV1.'),
        fieldsV1: anyObject('The fields.'),
        subresource: string('Subresource through which they were set.'),
      }),
      'Who set which fields.',
    ),
  }),
)
