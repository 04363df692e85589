/** Who owns which fields of an object that is written: `metadata.managedFields`, by the rules of `api/src/apply`. */
import {
  apiVersionOf,
  type Clock,
  type Convert,
  decodeEntries,
  describeSchema,
  formatTime,
  isReset,
  isSameEntries,
  type Kind,
  type KubernetesObject,
  type ManagedFieldsEntry,
  type Manager,
  recordUpdate,
} from '@davit/api'
import type { RequestContext } from './types.ts'
import { isSameJson } from './written.ts'

/** What Kubernetes calls a writer that tells no name. */
const UNKNOWN = 'unknown'

export interface FieldWrite {
  readonly kind: Kind
  readonly context: RequestContext
  readonly clock: Clock
  readonly subresource: string | undefined
  /** As every version of the kind has it. */
  readonly convert: Convert
}

/** The manager that a write is by. */
export function managerOf({ kind, context, subresource }: FieldWrite, operation: Manager['operation']): Manager {
  return {
    manager: context.fieldManager || UNKNOWN,
    operation,
    apiVersion: apiVersionOf(kind),
    ...(subresource !== undefined && { subresource }),
  }
}

/** What is stored: the server's own, so it is not judged again. */
export function storedEntries({ metadata }: KubernetesObject): readonly ManagedFieldsEntry[] {
  return (metadata.managedFields as ManagedFieldsEntry[] | undefined) ?? []
}

/**
 * Puts the owners of `object` into it, which is about to replace `old` (undefined: about to be created) and has not been to admission
 * yet: what is decided there is no client's. `sent` is what the client sent as managedFields: it may change or reset them, except
 * through a subresource; what makes no sense is passed over.
 */
export function recordOwners(write: FieldWrite, object: KubernetesObject, old: KubernetesObject | undefined, sent: unknown): void {
  const entries = recordUpdate({
    entries: entriesToStartFrom(write, old, sent),
    by: managerOf(write, 'Update'),
    time: formatTime(write.clock.now()),
    node: describeSchema(write.kind),
    before: old ?? {},
    after: object,
    convert: write.convert,
  })
  setOwners(object, entries)
}

export function setOwners({ metadata }: KubernetesObject, entries: readonly ManagedFieldsEntry[]): void {
  if (entries.length > 0) metadata.managedFields = entries as ManagedFieldsEntry[]
  else delete metadata.managedFields
}

function entriesToStartFrom({ subresource }: FieldWrite, old: KubernetesObject | undefined, sent: unknown): readonly ManagedFieldsEntry[] {
  const stored = old ? storedEntries(old) : []
  if (subresource !== undefined || !Array.isArray(sent) || isSameJson(sent, stored)) return stored
  if (isReset(sent)) return []
  const decoded = decodeEntries(sent)
  // Clients that know nothing of managedFields leave them out.
  return decoded && decoded.length > 0 ? decoded : stored
}

/** Whether a write changes nothing but the time at which fields were last set: then it changes nothing. */
export function isUnchanged(value: KubernetesObject, old: KubernetesObject): boolean {
  const { managedFields: _, ...metadata } = value.metadata
  const { managedFields: __, ...oldMetadata } = old.metadata
  return (
    isSameJson({ ...value, metadata }, { ...old, metadata: oldMetadata }) &&
    isSameEntries(storedEntries(value), storedEntries(old), 'fields')
  )
}
