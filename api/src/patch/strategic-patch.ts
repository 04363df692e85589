/**
 * Strategic merge patch, as Kubernetes' apimachinery applies it: objects are merged, lists by the rules in the kind's schema, and
 * members whose names begin with `$` say what cannot be said by example.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import { describeSchema, type SchemaNode } from '../schema/describe.ts'
import { badRequest } from '../status.ts'
import { checkDepth, isObject, type JsonObject, own, put } from './json.ts'
import { DIRECTIVES, elementOf, type PatchRules, rulesOf } from './patch-rules.ts'

/** Gives a new object that may share parts with both arguments. Throws BadRequest for a patch that makes no sense. */
export function applyStrategicPatch<T extends KubernetesObject>(kind: Kind<T>, target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) throw badRequest('a strategic merge patch must be an object')
  checkDepth(patch)
  return mergeObjects(isObject(target) ? target : {}, patch, describeSchema(kind))
}

function mergeObjects(target: JsonObject, patch: JsonObject, node: SchemaNode | undefined): JsonObject {
  const members: JsonObject = { ...patch }
  const directive = own(members, DIRECTIVES.patch)
  delete members[DIRECTIVES.patch]
  if (directive === 'delete') return {}
  if (directive === 'replace') return mergeObjects({}, members, node)
  if (directive !== undefined && directive !== 'merge') throw badRequest(`unknown patch type [${String(directive)}] found in map`)

  const merged = retainKeys(target, members)
  const lists = takeLists(members)
  for (const [key, value] of Object.entries(members)) {
    if (value === null) delete merged[key]
    else if (!lists.has(key)) put(merged, key, mergeValue(own(merged, key), value, rulesOf(node, key)))
  }
  for (const [key, { order, removed }] of lists) {
    const value = own(members, key)
    const present = own(merged, key)
    if (value === null || (value === undefined && !Array.isArray(present))) continue
    const change = { patch: value === undefined ? [] : asList(value, key), order, removed }
    put(merged, key, mergeList(Array.isArray(present) ? present : [], change, rulesOf(node, key)))
  }
  return merged
}

function mergeValue(target: unknown, patch: unknown, rules: PatchRules): unknown {
  // Merged into nothing rather than taken as it is, so that no null or directive gets into the object.
  if (isObject(patch)) return mergeObjects(isObject(target) ? target : {}, patch, rules.node)
  if (!Array.isArray(patch)) return patch
  return mergeList(Array.isArray(target) ? target : [], { patch, order: undefined, removed: [] }, rules)
}

/** `target` (a copy) without what `$retainKeys` does not list. */
function retainKeys(target: JsonObject, members: JsonObject): JsonObject {
  const kept = own(members, DIRECTIVES.retainKeys)
  if (kept === undefined) return { ...target }
  delete members[DIRECTIVES.retainKeys]
  const names = new Set(asList(kept, DIRECTIVES.retainKeys))
  for (const key of Object.keys(members)) {
    if (members[key] !== null && !key.startsWith('$') && !names.has(key))
      throw badRequest(`${DIRECTIVES.retainKeys} must contain every field of the patch, "${key}" is missing`)
  }
  return Object.fromEntries(Object.entries(target).filter(([key]) => names.has(key)))
}

interface ListDirectives {
  /** Wanted order, as values or as objects that hold the merge key. */
  order: readonly unknown[] | undefined
  removed: readonly unknown[]
}

/** Takes the directives about lists out of `members`, by the name of the list. */
function takeLists(members: JsonObject): Map<string, ListDirectives> {
  const lists = new Map<string, ListDirectives>()
  for (const [key, value] of Object.entries(members)) {
    for (const prefix of [DIRECTIVES.setElementOrder, DIRECTIVES.deleteFromPrimitiveList]) {
      if (!key.startsWith(prefix)) continue
      delete members[key]
      const name = key.slice(prefix.length)
      const known = lists.get(name) ?? { order: undefined, removed: [] }
      lists.set(
        name,
        prefix === DIRECTIVES.setElementOrder ? { ...known, order: asList(value, key) } : { ...known, removed: asList(value, key) },
      )
    }
  }
  return lists
}

function asList(value: unknown, key: string): readonly unknown[] {
  if (!Array.isArray(value)) throw badRequest(`"${key}" of the patch must be a list`)
  return value
}

interface ListChange extends ListDirectives {
  patch: readonly unknown[]
}

function mergeList(target: readonly unknown[], { patch, order, removed }: ListChange, rules: PatchRules): unknown[] {
  if (!rules.isMerged && order === undefined && removed.length === 0) return [...patch]
  const isOfObjects = [...patch, ...target].some(isObject)
  if (!isOfObjects) {
    const gone = new Set(removed)
    const left = target.filter(value => !gone.has(value))
    const merged = [...new Set([...left, ...patch])]
    return arrange(merged, target, order ?? patch, value => value)
  }
  const { mergeKey } = rules
  if (!mergeKey) throw badRequest('cannot merge lists without merge key')
  const keyOf = (element: unknown): unknown => {
    const key = isObject(element) ? own(element, mergeKey) : undefined
    if (key === undefined) throw badRequest(`map: ${JSON.stringify(element)} does not contain declared merge key: ${mergeKey}`)
    return key
  }
  const { merged, named } = mergeElements(target, patch, keyOf, elementOf(rules.node))
  if (order) checkOrder(named, order, keyOf)
  return arrange(merged, target, order ?? named, keyOf)
}

function mergeElements(
  target: readonly unknown[],
  patch: readonly unknown[],
  keyOf: (element: unknown) => unknown,
  node: SchemaNode | undefined,
): { merged: unknown[]; named: unknown[] } {
  const deleted = new Set<unknown>()
  const named: unknown[] = []
  let isReplaced = false
  for (const element of patch) {
    const directive = isObject(element) ? own(element, DIRECTIVES.patch) : undefined
    if (directive === 'replace') isReplaced = true
    else if (directive === 'delete') deleted.add(keyOf(element))
    else if (directive === undefined || directive === 'merge') named.push(element)
    else throw badRequest(`unknown patch type [${String(directive)}] found in list`)
  }
  // Taken as they come: elements may share a key, such as a port for TCP and UDP.
  if (isReplaced) return { merged: named.map(element => mergeObjects({}, element as JsonObject, node)), named }
  const merged = target.filter(element => !deleted.has(keyOf(element)))
  const places = new Map<unknown, number>()
  for (const [at, element] of merged.entries()) if (!places.has(keyOf(element))) places.set(keyOf(element), at)
  for (const element of named) {
    const at = places.get(keyOf(element)) ?? merged.length
    const present = merged[at]
    merged[at] = mergeObjects(isObject(present) ? present : {}, element as JsonObject, node)
    places.set(keyOf(element), at)
  }
  return { merged, named }
}

function checkOrder(named: readonly unknown[], order: readonly unknown[], keyOf: (element: unknown) => unknown): void {
  const keys = new Set(order.map(keyOf))
  const missing = named.find(element => !keys.has(keyOf(element)))
  if (missing !== undefined)
    throw badRequest(`${DIRECTIVES.setElementOrder} must contain every element of the patch, ${JSON.stringify(keyOf(missing))} is missing`)
}

/**
 * Elements that `order` names come in its order, the others in that of `before`; between the two, those that were there before
 * keep their sides and new ones go first.
 */
function arrange(
  merged: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  keyOf: (element: unknown) => unknown,
): unknown[] {
  const positions = (elements: readonly unknown[]) => {
    const found = new Map<unknown, number>()
    for (const [at, element] of elements.entries()) if (!found.has(keyOf(element))) found.set(keyOf(element), at)
    return (element: unknown) => found.get(keyOf(element)) ?? -1
  }
  const wanted = positions(order)
  const was = positions(before)
  const named = merged.filter(element => wanted(element) >= 0).sort((a, b) => wanted(a) - wanted(b))
  const others = merged.filter(element => wanted(element) < 0).sort((a, b) => was(a) - was(b))
  const arranged: unknown[] = []
  for (const element of named) {
    while (others.length > 0 && was(element) >= 0 && was(others[0]) >= 0 && was(others[0]) < was(element)) arranged.push(others.shift())
    arranged.push(element)
  }
  return [...arranged, ...others]
}
