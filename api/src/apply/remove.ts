/** Takes fields out of an object. */
import { type JsonObject, put } from '../patch/json.ts'
import { type FieldSet, isEmptySet, isMember } from './field-set.ts'
import { fieldElement } from './path-element.ts'
import { elementOf, fieldNode, itemNode, type Node, relationOf } from './values.ts'

/** `object` without the fields in `set`, all below them, and whatever holds nothing any more because of that. */
export function removeFields(node: Node, object: object, set: FieldSet): JsonObject {
  return (remove(node, object, set) as JsonObject | undefined) ?? {}
}

function remove(node: Node, value: unknown, set: FieldSet): unknown {
  const relation = relationOf(node, value)
  if (relation === 'whole' || isEmptySet(set)) return value
  return relation === 'elements' ? removeElements(node, value as unknown[], set) : removeFromObject(node, value as JsonObject, set)
}

function removeElements(node: Node, list: readonly unknown[], set: FieldSet): unknown[] | undefined {
  const items = itemNode(node)
  const left: unknown[] = []
  for (const item of list) {
    const below = set[elementOf(node, item)]
    if (!below) left.push(item)
    // A key left alone by all of its fields is still an element.
    else if (!isMember(below)) left.push(remove(items, item, below) ?? {})
  }
  return left.length > 0 ? left : undefined
}

function removeFromObject(node: Node, object: JsonObject, set: FieldSet): JsonObject | undefined {
  const left: JsonObject = {}
  for (const name in object) {
    const below = set[fieldElement(name)]
    if (below && isMember(below)) continue
    const kept = below ? remove(fieldNode(node, name), object[name], below) : object[name]
    if (kept !== undefined) put(left, name, kept)
  }
  return Object.keys(left).length > 0 ? left : undefined
}
