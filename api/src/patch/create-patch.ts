/**
 * Patches by comparison. Three ways, as `kubectl apply` does it: what `original` (applied last time) had and `modified` (to be
 * applied) has not is removed; what `modified` has and `current` (on the server) has not, or has otherwise, is set; and what
 * only `current` has belongs to others and stays.
 */
import { isDeepStrictEqual } from 'node:util'
import type { Kind } from '../kind.ts'
import type { KubernetesObject } from '../meta.ts'
import { describeSchema, type SchemaNode } from '../schema/describe.ts'
import { isObject, type JsonObject, own, put, withoutNulls } from './json.ts'
import { DIRECTIVES, elementOf, type PatchRules, rulesOf } from './patch-rules.ts'

/** Annotation in which `kubectl apply` keeps what it applied, as JSON: next time's `original`. */
export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration'

/** A strategic merge patch; `{}` when there is nothing to do. `original` is undefined when nothing was applied before. */
export function createThreeWayStrategicPatch<T extends KubernetesObject>(
  kind: Kind<T>,
  original: unknown,
  modified: unknown,
  current: unknown,
): JsonObject {
  return diffObjects(asObject(original), asObject(modified), asObject(current), describeSchema(kind))
}

/** A strategic merge patch that makes `modified` of `original`. */
export function createStrategicPatch<T extends KubernetesObject>(kind: Kind<T>, original: unknown, modified: unknown): JsonObject {
  return createThreeWayStrategicPatch(kind, original, modified, original)
}

/** As `createThreeWayStrategicPatch`, as a merge patch (RFC 7386): for kinds whose lists have no rules. */
export function createThreeWayMergePatch(original: unknown, modified: unknown, current: unknown): JsonObject {
  return diffObjects(asObject(original), asObject(modified), asObject(current), undefined)
}

/** A merge patch (RFC 7386) that makes `modified` of `original`. */
export function createMergePatch(original: unknown, modified: unknown): JsonObject {
  return createThreeWayMergePatch(original, modified, original)
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {}
}

function diffObjects(original: JsonObject, modified: JsonObject, current: JsonObject, node: SchemaNode | undefined): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(original)) {
    if ((own(modified, key) ?? null) === null && (own(current, key) ?? null) !== null) put(patch, key, null)
  }
  for (const [key, wanted] of Object.entries(modified)) {
    const present = own(current, key) ?? null
    const rules = rulesOf(node, key)
    if (wanted === null) {
      if (present !== null) put(patch, key, null)
    } else if (isObject(wanted) && isObject(present)) {
      const inner = diffObjects(asObject(own(original, key)), wanted, present, rules.node)
      if (Object.keys(inner).length > 0) put(patch, key, rules.retainsKeys ? withRetainedKeys(inner, wanted) : inner)
    } else if (Array.isArray(wanted) && Array.isArray(present) && rules.isMerged) {
      const before = own(original, key)
      Object.assign(patch, diffLists(key, Array.isArray(before) ? before : [], wanted, present, rules))
    } else if (!isDeepStrictEqual(wanted, present)) {
      put(patch, key, withoutNulls(wanted))
    }
  }
  return patch
}

/** Members that the server filled in for the value before, such as `rollingUpdate` of the other strategy, must go with it. */
function withRetainedKeys(patch: JsonObject, wanted: JsonObject): JsonObject {
  const kept = Object.keys(wanted).filter(key => wanted[key] !== null)
  return { ...patch, [DIRECTIVES.retainKeys]: kept.sort() }
}

function diffLists(
  name: string,
  original: readonly unknown[],
  wanted: readonly unknown[],
  present: readonly unknown[],
  rules: PatchRules,
): JsonObject {
  const { mergeKey } = rules
  if (!mergeKey || ![...wanted, ...present].some(isObject)) return diffPrimitives(name, original, wanted, present)
  const keyOf = (element: unknown) => (isObject(element) ? own(element, mergeKey) : undefined)
  if (!isKeyed(wanted, keyOf) || !isKeyed(present, keyOf)) return diffUnkeyed(name, wanted, present, rules)

  const byKey = (elements: readonly unknown[]) => new Map(elements.map(element => [keyOf(element), asObject(element)]))
  const wantedByKey = byKey(wanted)
  const presentByKey = byKey(present)
  const originalByKey = byKey(original)
  const changes: JsonObject[] = []
  for (const [key, element] of wantedByKey) {
    const there = presentByKey.get(key)
    if (!there) {
      changes.push(withoutNulls(element) as JsonObject)
      continue
    }
    const inner = diffObjects(originalByKey.get(key) ?? {}, element, there, elementOf(rules.node))
    if (Object.keys(inner).length === 0) continue
    changes.push({ ...(rules.retainsKeys ? withRetainedKeys(inner, element) : inner), [mergeKey]: key })
  }
  for (const key of originalByKey.keys()) {
    if (!wantedByKey.has(key) && presentByKey.has(key)) changes.push({ [DIRECTIVES.patch]: 'delete', [mergeKey]: key })
  }
  const isInOrder = isSameOrder([...wantedByKey.keys()], [...presentByKey.keys()])
  if (changes.length === 0 && isInOrder) return {}
  return {
    [`${DIRECTIVES.setElementOrder}${name}`]: wanted.map(element => ({ [mergeKey]: keyOf(element) })),
    ...(changes.length > 0 && { [name]: changes }),
  }
}

function diffPrimitives(name: string, original: readonly unknown[], wanted: readonly unknown[], present: readonly unknown[]): JsonObject {
  const added = wanted.filter(value => !present.includes(value))
  const removed = original.filter(value => !wanted.includes(value) && present.includes(value))
  if (added.length === 0 && removed.length === 0 && isSameOrder(wanted, present)) return {}
  return {
    [`${DIRECTIVES.setElementOrder}${name}`]: wanted,
    ...(added.length > 0 && { [name]: added }),
    ...(removed.length > 0 && { [`${DIRECTIVES.deleteFromPrimitiveList}${name}`]: removed }),
  }
}

/**
 * Elements that share a key, such as a port for TCP and UDP, cannot be told apart by it: such a list is compared by position
 * and replaced whole.
 */
function diffUnkeyed(name: string, wanted: readonly unknown[], present: readonly unknown[], rules: PatchRules): JsonObject {
  const isMet = (element: unknown, at: number) => {
    const there = present[at]
    if (!isObject(element) || !isObject(there)) return isDeepStrictEqual(element, there)
    return Object.keys(diffObjects({}, element, there, elementOf(rules.node))).length === 0
  }
  if (wanted.length === present.length && wanted.every(isMet)) return {}
  return { [name]: [{ [DIRECTIVES.patch]: 'replace' }, ...wanted.map(withoutNulls)] }
}

function isKeyed(elements: readonly unknown[], keyOf: (element: unknown) => unknown): boolean {
  const keys = elements.map(keyOf)
  return !keys.includes(undefined) && new Set(keys).size === keys.length
}

/** Whether those of `wanted` that are in `present` come in the same order there. */
function isSameOrder(wanted: readonly unknown[], present: readonly unknown[]): boolean {
  const common = present.filter(value => wanted.includes(value))
  return wanted.filter(value => present.includes(value)).every((value, at) => value === common[at])
}
