/** What of a configuration is one thing, which applying it would replace as a whole. */
import { isObject } from '../patch/json.ts'
import { fieldElement, pathText } from './path-element.ts'
import { elementOf, fieldNode, itemNode, type Node, relationOf } from './values.ts'

/** Paths of lists, maps and objects that are not merged part by part, in the order in which they stand. */
export function atomicPaths(node: Node, config: object): string[] {
  const found: string[] = []
  visit(node, config, [], found)
  return found
}

function visit(node: Node, value: unknown, path: readonly string[], found: string[]): void {
  if (typeof value !== 'object' || value === null) return
  if (relationOf(node, value) === 'whole') found.push(pathText(path))
  else if (isObject(value)) {
    for (const name of Object.keys(value)) visit(fieldNode(node, name), value[name], [...path, fieldElement(name)], found)
  } else if (Array.isArray(value)) {
    for (const item of value) visit(itemNode(node), item, [...path, elementOf(node, item)], found)
  }
}
