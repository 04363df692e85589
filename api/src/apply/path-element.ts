/** The elements of paths in a `FieldSet`, and how people read them. */
import { isObject, own } from '../patch/json.ts'
import type { SchemaNode } from '../schema/describe.ts'

/** `f:name`. */
export function fieldElement(name: string): string {
  return `f:${name}`
}

/** Which element of a list of values. */
export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`
}

/**
 * Which element of a list by its keys, `k:{"containerPort":80,"protocol":"TCP"}`. A key that is left out has its default, or no part
 * in it; undefined when that leaves none.
 */
export function keyElement(items: SchemaNode, keys: readonly string[], element: unknown): string | undefined {
  if (!isObject(element)) return undefined
  let text = ''
  for (const name of keys.length > 1 ? keys.toSorted() : keys) {
    const value = keyOf(items, name, element)
    if (value !== undefined) text += `${text && ','}${JSON.stringify(name)}:${JSON.stringify(value)}`
  }
  return text === '' ? undefined : `k:{${text}}`
}

function keyOf(items: SchemaNode, name: string, element: Readonly<Record<string, unknown>>): unknown {
  const given = own(element, name)
  if (given !== undefined && given !== null) return given
  return items.type === 'object' ? items.fields[name]?.meta.default : undefined
}

/** `.spec.containers[name="web"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('')
}

function elementText(element: string): string {
  const rest = element.slice(2)
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${rest}`
    case 'v:':
      return `[=${rest}]`
    case 'i:':
      return `[${rest}]`
    default: {
      const keys = JSON.parse(rest) as Record<string, unknown>
      return `[${Object.entries(keys)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`
    }
  }
}
