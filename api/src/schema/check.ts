/** What a schema says of an object's values beyond their types: fields that must be there, and named values. */
import { requiredValue, unsupportedValue } from '../field-errors.ts'
import type { FieldError } from '../status.ts'
import type { SchemaNode } from './describe.ts'

/** Required and NotSupported errors of `value` at `path` (empty for the whole object). The types have been checked. */
export function checkAgainst(node: SchemaNode, value: unknown, path = ''): FieldError[] {
  const errors: FieldError[] = []
  visit(node, value, path, errors)
  return errors
}

function visit(node: SchemaNode, value: unknown, path: string, errors: FieldError[]): void {
  switch (node.type) {
    case 'object': {
      const object = value as Record<string, unknown>
      for (const name of node.required) if (isAbsent(object[name])) errors.push(requiredValue(childOf(path, name)))
      for (const name of Object.keys(object)) {
        const field = node.fields[name]
        if (field) visit(field, object[name], childOf(path, name), errors)
      }
      return
    }
    case 'map':
      if (isPlain(node.values)) return
      for (const [key, item] of Object.entries(value as object)) visit(node.values, item, `${path}[${key}]`, errors)
      return
    case 'list':
      if (isPlain(node.items)) return
      for (const [index, item] of (value as unknown[]).entries()) visit(node.items, item, `${path}[${index}]`, errors)
      return
    case 'string':
      if (node.enum && value !== '' && !node.enum.includes(value as string)) {
        errors.push(unsupportedValue(path, value, [...node.enum].sort()))
      }
  }
}

/** As in Go, where an empty text or list is not told from none. */
function isAbsent(value: unknown): boolean {
  return value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
}

/** Nothing inside can be wrong. */
function isPlain(node: SchemaNode): boolean {
  return node.type !== 'object' && node.type !== 'map' && node.type !== 'list' && !(node.type === 'string' && node.enum)
}

function childOf(path: string, name: string): string {
  return path ? `${path}.${name}` : name
}
