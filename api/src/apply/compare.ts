/** What differs between two states of an object, as sets of fields. Parts that are the same object are not looked into. */
import { isObject, type JsonObject, own } from '../patch/json.ts'
import { isAlwaysPresent } from './always-present.ts'
import { type FieldSet, NO_FIELDS, nodeOf, SELF } from './field-set.ts'
import { fieldsBelow } from './fields-of.ts'
import { fieldElement } from './path-element.ts'
import { byElement, fieldNode, isSameValue, itemNode, type Node, relationOf } from './values.ts'

export interface Comparison {
  /** Fields that are new or have another value. */
  readonly changed: FieldSet
  /** Fields that are gone. */
  readonly removed: FieldSet
}

/** What managedFields never speak of: the system's own. */
const UNOWNED = new Set(['apiVersion', 'kind'])
const UNOWNED_METADATA = new Set([
  'clusterName',
  'creationTimestamp',
  'generation',
  'managedFields',
  'name',
  'namespace',
  'resourceVersion',
  'selfLink',
  'uid',
])

/** Paths that no manager owns, as a set. */
export const UNOWNED_FIELDS: FieldSet = {
  'f:apiVersion': NO_FIELDS,
  'f:kind': NO_FIELDS,
  'f:metadata': { [SELF]: NO_FIELDS, ...Object.fromEntries([...UNOWNED_METADATA].map(name => [fieldElement(name), NO_FIELDS])) },
}

/** Compares two objects of one kind; a new one is compared with `{}`. Undefined when no field anybody can own differs. */
export function compareObjects(node: Node, before: object, after: object): Comparison | undefined {
  const both = new Fields()
  both.compare({ node, skip: UNOWNED, isKind: true }, before as JsonObject, after as JsonObject)
  return both.isSame ? undefined : { changed: both.changed ?? NO_FIELDS, removed: both.removed ?? NO_FIELDS }
}

/** The two nodes that one path has in the sets. */
interface Difference {
  readonly changed: FieldSet | undefined
  readonly removed: FieldSet | undefined
}

const CHANGED: Difference = { changed: NO_FIELDS, removed: undefined }

interface Place {
  readonly node: Node
  /** Fields not to be looked at. */
  readonly skip?: ReadonlySet<string>
  readonly isKind?: boolean
}

/** The fields of one object, or the elements of one list, while they are compared. */
class Fields {
  changed: Record<string, FieldSet> | undefined
  removed: Record<string, FieldSet> | undefined

  get isSame(): boolean {
    return !this.changed && !this.removed
  }

  compare({ node, skip, isKind = false }: Place, before: JsonObject, after: JsonObject): void {
    for (const name in after) {
      if (!skip?.has(name)) this.#field(node, name, { before: own(before, name), after: after[name], isKind })
    }
    for (const name in before) {
      if (before[name] === undefined || skip?.has(name) || own(after, name) !== undefined) continue
      this.#field(node, name, { before: before[name], after: undefined, isKind })
    }
  }

  add(element: string, difference: Difference | undefined): void {
    if (difference?.changed) this.#change(element, difference.changed)
    if (difference?.removed) this.#remove(element, difference.removed)
  }

  elements(node: Node, before: readonly unknown[], after: readonly unknown[]): void {
    const was = byElement(node, before)
    const is = byElement(node, after)
    const items = itemNode(node)
    for (const [element, there] of is) this.#element(items, element, { before: was.get(element) ?? [], after: there })
    for (const [element, there] of was) if (!is.has(element)) this.#element(items, element, { before: there, after: [] })
  }

  #field(node: Node, name: string, { before, after, isKind }: { before: unknown; after: unknown; isKind: boolean }): void {
    if (before === after) return
    const inner = fieldNode(node, name)
    if (isKind && name === 'metadata' && isObject(after)) {
      const metadata = new Fields()
      metadata.compare({ node: inner, skip: UNOWNED_METADATA }, isObject(before) ? before : {}, after)
      this.add('f:metadata', { changed: metadata.changed, removed: metadata.removed })
      return
    }
    const stays = (before === undefined || after === undefined) && isAlwaysPresent(node, name, isKind)
    const empty = stays ? emptyLike(before ?? after) : undefined
    this.add(fieldElement(name), compareValues(inner, before ?? empty, after ?? empty))
  }

  /** Elements that repeat, which a valid list has not, are one thing together. */
  #element(node: Node, element: string, { before, after }: { before: readonly unknown[]; after: readonly unknown[] }): void {
    if (before.length <= 1 && after.length <= 1) this.add(element, compareValues(node, before[0], after[0]))
    else if (before.length > 1 && after.length > 1) this.add(element, isSameValue(before, after) ? undefined : CHANGED)
    else if (before.length > 1) this.add(element, { ...compareValues(node, undefined, after[0]), removed: NO_FIELDS } as Difference)
    else this.add(element, { removed: compareValues(node, before[0], undefined)?.removed, changed: NO_FIELDS })
  }

  #change(element: string, node: FieldSet): void {
    this.changed ??= {}
    this.changed[element] = node
  }

  #remove(element: string, node: FieldSet): void {
    this.removed ??= {}
    this.removed[element] = node
  }
}

function compareValues(node: Node, before: unknown, after: unknown): Difference | undefined {
  if (before === after) return undefined
  if (before === undefined) return { changed: everything(node, after), removed: undefined }
  if (after === undefined) return { changed: undefined, removed: everything(node, before) }
  const was = relationOf(node, before)
  const is = relationOf(node, after)
  if (was !== is) {
    const below = (value: unknown) => childrenOf(node, value)
    return { changed: nodeOf(below(after), true), removed: was === 'whole' ? undefined : nodeOf(below(before), false) }
  }
  if (is === 'whole') return isSameValue(before, after) ? undefined : CHANGED
  const inner = new Fields()
  if (is === 'elements') inner.elements(node, before as unknown[], after as unknown[])
  else inner.compare({ node }, before as JsonObject, after as JsonObject)
  return inner.isSame ? undefined : { changed: inner.changed, removed: inner.removed }
}

/** The path of a value that was not there, and all below it. */
function everything(node: Node, value: unknown): FieldSet {
  return nodeOf(childrenOf(node, value), true) ?? NO_FIELDS
}

/** All that is in a value, each with a path of its own; undefined when nothing can have one. */
function childrenOf(node: Node, value: unknown): FieldSet | undefined {
  return fieldsBelow(node, value, () => true)
}

function emptyLike(value: unknown): unknown {
  return Array.isArray(value) ? [] : isObject(value) ? {} : undefined
}
