/** Makers for tests of kinds. */

import { decodeObject, schemaErrors } from '../decode.ts'
import { uniqueFieldErrors } from '../field-errors.ts'
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import { type FieldError, fieldErrorBody } from '../status.ts'

/** An object as the server stores it: decoded, with defaults. Named `a` in `default` unless `raw` says otherwise. */
export function stored<T extends KubernetesObject>(kind: Kind<T>, raw: object): T {
  const { object } = decodeObject(kind, {
    ...raw,
    metadata: { name: 'a', ...(kind.namespaced && { namespace: 'default' }), ...metadataOf(raw) },
  })
  kind.applyDefaults(object)
  return object
}

/** What is wrong with `raw`, as lines of the answer's message. */
export function complaints<T extends KubernetesObject>(kind: Kind<T>, raw: object): string[] {
  const { object } = decodeObject(kind, { metadata: { name: 'a', namespace: 'default' }, ...raw })
  kind.applyDefaults(object)
  return uniqueFieldErrors([...kind.validate(object), ...schemaErrors(kind, object)]).map(
    error => `${error.field}: ${fieldErrorBody(error)}`,
  )
}

/** What is wrong with `raw` taking the place of `old`. */
export function changeComplaints<T extends KubernetesObject>(kind: Kind<T>, old: object, raw: object): string[] {
  return lines(kind.validateUpdate(stored(kind, raw), stored(kind, old)))
}

/** What is wrong with the status of `raw` taking the place of `old`, for kinds that judge status by itself. */
export function statusComplaints<T extends KubernetesObject>(kind: Kind<T>, old: object, raw: object): string[] {
  return lines(kind.validateStatus?.(stored(kind, raw), stored(kind, old)) ?? [])
}

/** What is wrong with `raw` only because it is new. */
export function creationComplaints<T extends KubernetesObject>(kind: Kind<T>, raw: object): string[] {
  return lines(kind.validateCreate?.(stored(kind, raw)) ?? [])
}

/** The cells of `kubectl get -o wide` by column name. */
export function cells<T extends KubernetesObject>(kind: Kind<T>, raw: object, now = 0): Record<string, unknown> {
  const object = stored(kind, raw)
  return Object.fromEntries(kind.columns.map(column => [column.name, column.value(object, now)]))
}

function lines(errors: readonly FieldError[]): string[] {
  return errors.map(error => `${error.field}: ${fieldErrorBody(error)}`)
}

function metadataOf(raw: object): object {
  return (raw as { metadata?: object }).metadata ?? {}
}
