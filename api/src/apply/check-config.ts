/** What is wrong with an applied configuration before it is put onto anything, in Kubernetes' words. */
import { isObject, type JsonObject } from '../patch/json.ts'
import type { ListNode } from '../schema/describe.ts'
import { fieldElement, keyElement, pathText, valueElement } from './path-element.ts'
import { fieldNode, isNamedField, type Node, relationOf } from './values.ts'

const ERRORS_MAX = 100

/** Fields the schema does not have, and elements that cannot be told from others; types have been checked. */
export function configErrors(node: Node, config: object): string[] {
  const errors: string[] = []
  visitObject(node, config as JsonObject, [], errors)
  return errors
}

/** All of them as one text. */
export function joinedErrors(errors: readonly string[]): string {
  if (errors.length === 1) return errors[0] as string
  return `errors:\n${[...new Set(errors)]
    .sort()
    .map(error => `  ${error}`)
    .join('\n')}`
}

function visit(node: Node, value: unknown, path: string[], errors: string[]): void {
  if (errors.length >= ERRORS_MAX) return
  if (isObject(value)) visitObject(node, value, path, errors)
  else if (Array.isArray(value) && node?.type === 'list') visitList(node, value, path, errors)
}

function visitObject(node: Node, object: JsonObject, path: string[], errors: string[]): void {
  for (const name in object) {
    path.push(fieldElement(name))
    if (node?.type === 'object' && !node.others && !isNamedField(node, name)) errors.push(`${pathText(path)}: field not declared in schema`)
    else visit(fieldNode(node, name), object[name], path, errors)
    path.pop()
    if (errors.length >= ERRORS_MAX) return
  }
}

function visitList(node: ListNode, list: readonly unknown[], path: string[], errors: string[]): void {
  const isRelated = relationOf(node, list) === 'elements'
  const seen = new Set<string>()
  for (const [index, item] of list.entries()) {
    const element = isRelated ? related(node, item, { index, path, errors }) : `i:${index}`
    if (element === undefined) continue
    path.push(element)
    if (!seen.has(element)) visit(node.items, item, path, errors)
    path.pop()
    if (isRelated && seen.has(element)) errors.push(`${pathText(path)}: duplicate entries for key ${pathText([element])}`)
    seen.add(element)
  }
}

/** The path element of an element; undefined when it has none, which is an error. */
function related(
  { meta, items }: ListNode,
  item: unknown,
  { index, path, errors }: { index: number; path: readonly string[]; errors: string[] },
): string | undefined {
  const fail = (why: string) => {
    errors.push(`${pathText(path)}: element ${index}: ${why}`)
    return undefined
  }
  if (meta.listType === 'set') {
    if (item === null) return fail("associative list without keys has an element that's an explicit null")
    if (isObject(item)) return fail("associative list without keys has an element that's a map type")
    if (Array.isArray(item)) return fail('not supported: associative list with lists as elements')
    return valueElement(item)
  }
  const keys = meta.listMapKeys ?? []
  if (item === null) return fail('associative list with keys may not have a null element')
  if (!isObject(item)) return fail('associative list with keys may not have non-map elements')
  const element = keyElement(items, keys, item)
  if (element !== undefined) return element
  const names = `[${keys.map(key => JSON.stringify(key)).join(' ')}]`
  return fail(
    `associative list with keys has an element that omits all key fields ${names} (and doesn't have default values for any key fields)`,
  )
}
