/** The schema of `metadata`, the same for every kind. */
import { z } from 'zod'
import { boolean, field, int64, list, object, required, string, stringMap, strings, time } from './schema/fields.ts'

let made: z.ZodObject | undefined

/** Built on first use; one instance for all kinds. */
export function objectMetaSchema(): z.ZodObject {
  made ??= object('ObjectMeta', 'What every stored object has, whatever its kind.', {
    name: string('Name of the object, unique among its kind within its namespace. It cannot be changed.'),
    generateName: string('Beginning of a name to which the server adds a random ending when no name is given.'),
    namespace: string('Namespace the object is in; empty for kinds of the whole cluster. It cannot be changed.'),
    selfLink: string('Not filled in any more.'),
    uid: string('Unique in time and space; set by the server. A new object of the same name has another uid.'),
    resourceVersion: string('Version of the stored object; an update that names an older one is refused with Conflict.'),
    generation: int64('Counts changes of the desired state; set by the server.'),
    creationTimestamp: time('When the object was created; set by the server.'),
    deletionTimestamp: time('When the object will be gone, or was asked to go; set by the server when a deletion is accepted.'),
    deletionGracePeriodSeconds: int64('Seconds the object has to end gracefully; set together with deletionTimestamp.'),
    labels: stringMap('Keys and values by which objects are selected and grouped.'),
    annotations: stringMap('Keys and values that tools keep with the object; not for selecting.'),
    ownerReferences: list(
      object('OwnerReference', 'An object this one belongs to; when all owners are gone it is collected.', {
        apiVersion: required(string('API version of the owner.')),
        kind: required(string('Kind of the owner.')),
        name: required(string('Name of the owner.')),
        uid: required(string('UID of the owner.')),
        controller: boolean('Whether the owner is the controller that manages this object; at most one is.'),
        blockOwnerDeletion: boolean('Whether a foreground deletion of the owner waits until this object is gone.'),
      }),
      'Objects this one belongs to, all in the same namespace or of the whole cluster.',
      { mergeKey: 'uid' },
    ),
    finalizers: strings('What must be done before the object is removed; each is taken off by the one who did it.', {
      patchStrategy: 'merge',
      listType: 'set',
    }),
    managedFields: list(
      object('ManagedFieldsEntry', 'Which fields one manager has set.', {
        manager: string('Name of the manager.'),
        operation: string('How the fields were set: Apply or Update.'),
        apiVersion: string('API version the fields are of.'),
        time: time('When they were last changed.'),
        fieldsType: string('Format of the fields: FieldsV1.'),
        fieldsV1: field(z.unknown(), 'The fields as a trie of `f:`, `k:` and `v:` keys.'),
        subresource: string('Subresource through which they were set.'),
      }),
      'Who set which fields; kept by server-side apply.',
    ),
  })
  return made
}
