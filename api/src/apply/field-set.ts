/**
 * Sets of fields in the form in which managedFields keeps them (FieldsV1): a tree of path elements, `{"f:spec":{"f:replicas":{}}}`.
 * A node without children is a member of the set, one with children only when it holds `.`. The sets work on that form as it is:
 * nothing is parsed, whatever does not change is shared, and no operation walks more than the smaller of its two sets asks for.
 */

/** The whole set when it is a root, otherwise the node of one path. Never changed once made. */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

type Draft = Record<string, FieldSet>

/** In a node with children: its own path is a member too. */
export const SELF = '.'
/** As a root the empty set, as a node a member without children. */
export const NO_FIELDS: FieldSet = Object.freeze({})

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

/** Whether the path of `node` (not a root) is in its set. */
export function isMember(node: FieldSet): boolean {
  return SELF in node || isEmptySet(node)
}

/** A node from its children, in the order in which Kubernetes writes them; undefined when neither it nor any child is a member. */
export function nodeOf(children: FieldSet | undefined, member: boolean): FieldSet | undefined {
  if (!children || isEmptySet(children)) return member ? NO_FIELDS : undefined
  return member ? { [SELF]: NO_FIELDS, ...children } : children
}

/** What is in either. Gives `left` itself when `right` adds nothing. */
export function union(left: FieldSet, right: FieldSet): FieldSet {
  let merged: Draft | undefined
  for (const element in right) {
    if (element === SELF) continue
    const other = right[element] as FieldSet
    const own = left[element]
    const both = own ? unionOfNodes(own, other) : other
    if (both === own) continue
    merged ??= { ...left }
    merged[element] = both
  }
  return merged ? sorted(merged) : left
}

function unionOfNodes(left: FieldSet, right: FieldSet): FieldSet {
  if (left === right) return left
  const member = isMember(left) || isMember(right)
  const merged = union(left, right)
  // A member that has got children must say so.
  return member && !isMember(merged) ? { [SELF]: NO_FIELDS, ...merged } : merged
}

/** What is in `left` and not in `right`. Gives `left` itself when nothing of it goes. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  return without(left, right, differenceOfNodes)
}

function differenceOfNodes(left: FieldSet, right: FieldSet): FieldSet | undefined {
  const children = without(left, right, differenceOfNodes)
  const loses = isMember(right) && isMember(left)
  if (!loses) return children === left ? left : nodeOf(unmarked(children), isMember(left))
  return nodeOf(unmarked(children), false)
}

/** `left` without the members of `right` and everything below them. */
export function differenceBelow(left: FieldSet, right: FieldSet): FieldSet {
  return without(left, right, (own, other) => {
    if (isMember(other)) return undefined
    const children = differenceBelow(own, other)
    return children === own ? own : nodeOf(unmarked(children), isMember(own))
  })
}

function without(left: FieldSet, right: FieldSet, ofNodes: (left: FieldSet, right: FieldSet) => FieldSet | undefined): FieldSet {
  let rest: Draft | undefined
  for (const element in right) {
    const own = left[element]
    if (element === SELF || !own) continue
    const kept = ofNodes(own, right[element] as FieldSet)
    if (kept === own) continue
    rest ??= { ...left }
    if (kept) rest[element] = kept
    else delete rest[element]
  }
  return rest ?? left
}

/** What is in both. */
export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  return commonChildren(left, right) ?? NO_FIELDS
}

function commonChildren(left: FieldSet, right: FieldSet): FieldSet | undefined {
  let common: Draft | undefined
  for (const element in right) {
    const own = left[element]
    if (element === SELF || !own) continue
    const other = right[element] as FieldSet
    const both = nodeOf(commonChildren(own, other), isMember(own) && isMember(other))
    if (!both) continue
    common ??= {}
    common[element] = both
  }
  return common
}

export function isSameSet(left: FieldSet, right: FieldSet): boolean {
  if (left === right) return true
  let count = 0
  for (const element in left) {
    const other = right[element]
    if (!other || !isSameSet(left[element] as FieldSet, other)) return false
    count++
  }
  for (const _ in right) count--
  return count === 0
}

/** Calls `visit` with the path elements of every member; the list is used again for the next. */
export function forEachPath(set: FieldSet, visit: (path: readonly string[]) => void, path: string[] = []): void {
  for (const element in set) {
    if (element === SELF) continue
    const node = set[element] as FieldSet
    path.push(element)
    if (isMember(node)) visit(path)
    forEachPath(node, visit, path)
    path.pop()
  }
}

/** A set of one path, or of none. */
export function setOf(...path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), NO_FIELDS)
}

/** Whether `value`, from a client, is a set. Such a tree is as deep as its body was allowed to be. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([element, node]) => isElement(element) && isFieldSet(node))
}

function isElement(element: string): boolean {
  if (element === SELF) return true
  const rest = element.slice(2)
  switch (element.slice(0, 2)) {
    case 'f:':
      return true
    case 'i:':
      return /^-?\d+$/.test(rest)
    case 'v:':
      return isJson(rest)
    case 'k:':
      return rest.startsWith('{') && isJson(rest)
    default:
      return false
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function unmarked(node: FieldSet): FieldSet {
  if (!(SELF in node)) return node
  const { [SELF]: _, ...children } = node
  return children
}

const KINDS_IN_ORDER = 'fkvi'

function sorted(node: Draft): FieldSet {
  const names = Object.keys(node)
  const wanted = names.toSorted(inOrder)
  if (wanted.every((name, at) => name === names[at])) return node
  return Object.fromEntries(wanted.map(name => [name, node[name] as FieldSet]))
}

/** Itself, then fields by name, elements by key, by value, by place. */
export function inOrder(left: string, right: string): number {
  const byKind = kindOf(left) - kindOf(right)
  return byKind !== 0 ? byKind : left < right ? -1 : left > right ? 1 : 0
}

function kindOf(element: string): number {
  return element === SELF ? -1 : KINDS_IN_ORDER.indexOf(element[0] ?? '')
}
