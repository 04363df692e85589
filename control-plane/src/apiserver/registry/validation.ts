import {
  type FieldError,
  invalid,
  type Kind,
  type KubernetesObject,
  schemaErrors,
  uniqueFieldErrors,
  validateObjectMeta,
  validateObjectMetaUpdate,
} from '@davit/api'
import { nameForMessages } from './decode.ts'

/** Throws Invalid with everything that is wrong with an object about to be created. */
export function validateNew(kind: Kind, object: KubernetesObject): void {
  refuse(kind, object, [...errorsOf(kind, object), ...(kind.validateCreate?.(object) ?? [])])
}

/** Throws Invalid with everything that is wrong with an object whose status and metadata are about to replace those of `old`. */
export function validateStatusChange(kind: Kind, object: KubernetesObject, old: KubernetesObject): void {
  if (!kind.validateStatus) {
    validateChange(kind, object, old)
    return
  }
  const metadata = [...validateObjectMeta(object.metadata, kind), ...validateObjectMetaUpdate(object.metadata, old.metadata)]
  refuse(kind, object, [...metadata, ...kind.validateStatus(object, old), ...schemaErrors(kind, object)])
}

/** Throws Invalid with everything that is wrong with an object about to replace `old`. */
export function validateChange(kind: Kind, object: KubernetesObject, old: KubernetesObject): void {
  if (kind.custom) {
    const metadata = [...validateObjectMeta(object.metadata, kind), ...validateObjectMetaUpdate(object.metadata, old.metadata)]
    refuse(kind, object, [...metadata, ...kind.custom.validateChange(object, old)])
    return
  }
  const changes = [...validateObjectMetaUpdate(object.metadata, old.metadata), ...kind.validateUpdate(object, old)]
  refuse(kind, object, [...errorsOf(kind, object), ...changes])
}

/** Throws Invalid when there are errors. */
export function refuse(kind: Kind, object: KubernetesObject, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(kind, nameForMessages(object), uniqueFieldErrors(errors))
}

function errorsOf(kind: Kind, object: KubernetesObject): FieldError[] {
  // The kind's own rules first: they go through the fields in Kubernetes' order.
  return [...validateObjectMeta(object.metadata, kind), ...kind.validate(object), ...schemaErrors(kind, object)]
}
