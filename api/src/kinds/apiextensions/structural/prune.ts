/** Takes out what a schema does not know, and says where it was. */
import { additionalOf, isEmbedded, isObject, type JsonSchema, preservesUnknown, propertyOf } from './json-schema.ts'

/** As many as Kubernetes names. */
const PATHS_MAX = 100
/** What every object has, whatever its schema says. */
const OBJECT_FIELDS = new Set(['apiVersion', 'kind', 'metadata'])

/** Prunes `value` in place; `isRoot`: it is a whole object. Gives paths such as `spec.list[0].foo`, at most 100. */
export function prune(schema: JsonSchema, value: unknown, isRoot: boolean): string[] {
  const paths: string[] = []
  visit(schema, value, { path: '', isObjectItself: isRoot, paths })
  return paths
}

interface Place {
  readonly path: string
  readonly isObjectItself: boolean
  readonly paths: string[]
}

function visit(schema: JsonSchema | undefined, value: unknown, place: Place): void {
  const { path, isObjectItself, paths } = place
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (!schema || !preservesUnknown(schema) || schema.items) {
        visit(schema?.items, item, { path: `${path}[${index}]`, isObjectItself: schema?.items ? isEmbedded(schema.items) : false, paths })
      }
    }
    return
  }
  if (!isObject(value)) return
  for (const name of Object.keys(value)) {
    if (isObjectItself && OBJECT_FIELDS.has(name)) continue
    const at = path ? `${path}.${name}` : name
    const property = schema && propertyOf(schema, name)
    if (property) visit(property, value[name], { path: at, isObjectItself: isEmbedded(property), paths })
    else if (schema?.additionalProperties) {
      const additional = additionalOf(schema)
      if (additional || !preservesUnknown(schema)) {
        visit(additional, value[name], { path: at, isObjectItself: additional ? isEmbedded(additional) : false, paths })
      }
    } else if (!schema || !preservesUnknown(schema)) {
      delete value[name]
      if (paths.length < PATHS_MAX) paths.push(at)
    }
  }
}
