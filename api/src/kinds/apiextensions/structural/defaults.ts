/** Defaults of a schema, and nulls that stand for nothing. */
import { additionalOf, isObject, type JsonSchema, propertyOf } from './json-schema.ts'

/** Fills in defaults in place. A null where none may be counts as absent. Idempotent. */
export function applySchemaDefaults(schema: JsonSchema, value: unknown): void {
  if (Array.isArray(value)) {
    const { items } = schema
    if (!items) return
    for (let index = 0; index < value.length; index++) {
      if (isForbiddenNull(items, value[index]) && items.default !== undefined) value[index] = structuredClone(items.default)
      applySchemaDefaults(items, value[index])
    }
    return
  }
  if (!isObject(value)) return
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (property.default === undefined) continue
    if (!Object.hasOwn(value, name) || isForbiddenNull(property, value[name])) value[name] = structuredClone(property.default)
  }
  const additional = additionalOf(schema)
  for (const name of Object.keys(value)) {
    const inner = propertyOf(schema, name) ?? additional
    if (!inner) continue
    if (inner === additional && isForbiddenNull(inner, value[name]) && inner.default !== undefined)
      value[name] = structuredClone(inner.default)
    applySchemaDefaults(inner, value[name])
  }
}

/** Takes out nulls where the schema has no place for one, and no default either. */
export function dropForbiddenNulls(schema: JsonSchema, value: unknown): void {
  if (Array.isArray(value)) {
    if (schema.items) for (const item of value) dropForbiddenNulls(schema.items, item)
    return
  }
  if (!isObject(value)) return
  const additional = additionalOf(schema)
  for (const name of Object.keys(value)) {
    const inner = propertyOf(schema, name) ?? additional
    if (!inner) continue
    if (isForbiddenNull(inner, value[name]) && inner.default === undefined) delete value[name]
    else dropForbiddenNulls(inner, value[name])
  }
}

function isForbiddenNull(schema: JsonSchema, value: unknown): boolean {
  return value === null && !schema.nullable
}
