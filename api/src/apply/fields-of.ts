/** Which fields an applied configuration speaks of. */
import type { JsonObject } from '../patch/json.ts'
import { isObject } from '../patch/json.ts'
import { type FieldSet, NO_FIELDS, nodeOf } from './field-set.ts'
import { fieldElement } from './path-element.ts'
import { byElement, fieldNode, isNamedField, itemNode, type Node, nodeBelow, relationOf } from './values.ts'

/**
 * Every field with a value of its own (a null is one), every element of a list and every key of a map. An object that only holds
 * others is none itself.
 */
export function fieldsOf(node: Node, config: object): FieldSet {
  return fieldsBelow(node, config, isMemberItself) ?? NO_FIELDS
}

/** Whether a field of an object is in the set, and not only what is below it. */
type IsMember = (node: Node, name: string, value: unknown) => boolean

/** The elements of a list, or the fields of an object, with all below them; undefined for what is one value to its owner. */
export function fieldsBelow(node: Node, value: unknown, isMember: IsMember): FieldSet | undefined {
  const relation = relationOf(node, value)
  if (relation === 'whole') return undefined
  const children: Record<string, FieldSet> = {}
  if (relation === 'elements') {
    const items = itemNode(node)
    for (const [element, same] of byElement(node, value as unknown[])) {
      children[element] = (same.length === 1 && nodeOf(fieldsBelow(items, same[0], isMember), true)) || NO_FIELDS
    }
    return children
  }
  const object = value as JsonObject
  for (const name in object) {
    const field = object[name]
    if (field === undefined) continue
    const own = nodeOf(fieldsBelow(fieldNode(node, name), field, isMember), isMember(node, name, field))
    if (own) children[fieldElement(name)] = own
  }
  return children
}

function isMemberItself(node: Node, name: string, value: unknown): boolean {
  if (!isNamedField(node, name)) return true
  if (relationOf(fieldNode(node, name), value) === 'whole') return true
  return isObject(value) && Object.keys(value).length === 0
}

/**
 * `set` with the fields that only hold others as members too: an object whose field is owned is not left out when all that is not
 * owned is removed.
 */
export function withHolders(set: FieldSet, node: Node): FieldSet {
  const result: Record<string, FieldSet> = {}
  for (const element in set) result[element] = holder(set[element] as FieldSet, { node, element })
  return result
}

function holder(below: FieldSet, { node, element }: { node: Node; element: string }): FieldSet {
  const isNamed = element.startsWith('f:') && isNamedField(node, element.slice(2))
  const children = withHolders(below, nodeBelow(node, element))
  return isNamed ? (nodeOf(children, true) ?? NO_FIELDS) : children
}
