/** Whole objects inside a custom object: their metadata is what metadata is everywhere. */
import { invalidValue, requiredValue } from '../../../field-errors.ts'
import { isQualifiedName } from '../../../names.ts'
import { validateAnnotations } from '../../../object-meta.ts'
import { validateLabels } from '../../../selectors/validate.ts'
import type { FieldError } from '../../../status.ts'
import { additionalOf, isEmbedded, isObject, type JsonSchema, propertyOf } from './json-schema.ts'

/** Calls back with every embedded object, not with the root. */
export function forEachEmbedded(
  schema: JsonSchema,
  value: unknown,
  visit: (object: Record<string, unknown>, path: string) => void,
  path = '',
): void {
  if (path !== '' && isEmbedded(schema) && isObject(value)) visit(value, path)
  if (Array.isArray(value)) {
    const { items } = schema
    if (items) for (const [index, item] of value.entries()) forEachEmbedded(items, item, visit, `${path}[${index}]`)
    return
  }
  if (!isObject(value)) return
  const additional = additionalOf(schema)
  for (const name of Object.keys(value)) {
    const inner = propertyOf(schema, name) ?? additional
    if (inner) forEachEmbedded(inner, value[name], visit, path ? `${path}.${name}` : name)
  }
}

/** What is wrong with objects inside `value`. */
export function validateEmbedded(schema: JsonSchema, value: unknown): FieldError[] {
  const errors: FieldError[] = []
  forEachEmbedded(schema, value, (object, path) => {
    for (const name of ['apiVersion', 'kind'] as const) {
      if (!object[name]) errors.push(requiredValue(`${path}.${name}`, 'must not be empty'))
    }
    const { metadata } = object
    if (metadata === undefined) return
    if (!isObject(metadata)) {
      errors.push(invalidValue(`${path}.metadata`, metadata, 'must be an object'))
      return
    }
    const { labels, annotations, finalizers } = metadata
    if (isTexts(labels)) errors.push(...validateLabels(labels, `${path}.metadata.labels`))
    if (isTexts(annotations)) errors.push(...validateAnnotations(annotations, `${path}.metadata.annotations`))
    for (const finalizer of Array.isArray(finalizers) ? finalizers : []) {
      const why = isQualifiedName(String(finalizer))
      if (why !== undefined) errors.push(invalidValue(`${path}.metadata.finalizers`, finalizer, why))
    }
  })
  return errors
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every(text => typeof text === 'string')
}
