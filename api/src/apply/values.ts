/** How a value is merged, from its place in the schema; where there is no schema, from what it is. */
import { isObject, own } from '../patch/json.ts'
import type { SchemaNode } from '../schema/describe.ts'
import { keyElement, valueElement } from './path-element.ts'

/** Without a schema: what is of free form, or of a kind that has none. */
export type Node = SchemaNode | undefined

/** `fields`: each for itself. `elements`: a list whose elements are told apart. `whole`: one thing. */
export type Relation = 'fields' | 'elements' | 'whole'

export function relationOf(node: Node, value: unknown): Relation {
  if (typeof value !== 'object' || value === null) return 'whole'
  if (Array.isArray(value)) {
    if (node?.type !== 'list') return 'whole'
    const { listType, listMapKeys } = node.meta
    return listType === 'set' || (listType === 'map' && listMapKeys) ? 'elements' : 'whole'
  }
  return node?.meta.mapType === 'atomic' ? 'whole' : 'fields'
}

/** The schema of one field of an object, or of one key of a map. */
export function fieldNode(node: Node, name: string): Node {
  if (node?.type === 'object') return node.fields[name] ?? node.others
  return node?.type === 'map' ? node.values : undefined
}

/** Whether the schema itself names the field, so that it is no key of a map. */
export function isNamedField(node: Node, name: string): boolean {
  return node?.type === 'object' && node.fields[name] !== undefined
}

export function itemNode(node: Node): Node {
  return node?.type === 'list' ? node.items : undefined
}

/** The path element of one element of a list related by `elements`. One without its key, which no valid object has, goes by its value. */
export function elementOf(node: Node, element: unknown): string {
  if (node?.type === 'list' && node.meta.listType === 'map' && node.meta.listMapKeys) {
    const key = keyElement(node.items, node.meta.listMapKeys, element)
    if (key !== undefined) return key
  }
  return valueElement(element)
}

/** The elements of a list by path element; several where they repeat. */
export function byElement(node: Node, list: readonly unknown[]): Map<string, unknown[]> {
  const found = new Map<string, unknown[]>()
  for (const item of list) {
    const element = elementOf(node, item)
    const same = found.get(element)
    if (same) same.push(item)
    else found.set(element, [item])
  }
  return found
}

/** The schema below a path element. */
export function nodeBelow(node: Node, element: string): Node {
  return element.startsWith('f:') ? fieldNode(node, element.slice(2)) : itemNode(node)
}

/** True when both are the same JSON apart from the order of keys. */
export function isSameValue(left: unknown, right: unknown): boolean {
  if (left === right) return true
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, at) => isSameValue(item, right[at]))
  }
  if (!isObject(left) || !isObject(right)) return false
  for (const name in left) if (!isSameValue(left[name], own(right, name))) return false
  for (const name in right) if (right[name] !== undefined && own(left, name) === undefined) return false
  return true
}
