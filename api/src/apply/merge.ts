/** An applied configuration put onto what is there. */
import { type JsonObject, own, put } from '../patch/json.ts'
import { byElement, elementOf, fieldNode, itemNode, type Node, relationOf } from './values.ts'

/** `live` with all that `config` says; a null of the configuration is in the result. Shares parts with both. */
export function mergeConfig(node: Node, live: object, config: object): JsonObject {
  return mergeFields(node, live as JsonObject, config as JsonObject)
}

function mergeValues(node: Node, live: unknown, config: unknown): unknown {
  if (config === undefined) return live
  if (live === undefined) return config
  const relation = relationOf(node, config)
  if (relation !== relationOf(node, live)) return config
  if (relation === 'fields') return mergeFields(node, live as JsonObject, config as JsonObject)
  return relation === 'elements' ? mergeElements(node, live as unknown[], config as unknown[]) : config
}

function mergeFields(node: Node, live: JsonObject, config: JsonObject): JsonObject {
  const merged = { ...live }
  for (const name in config) put(merged, name, mergeValues(fieldNode(node, name), own(live, name), config[name]))
  return merged
}

/**
 * Elements that both have come in the order of `config`. Those of one side alone stay before the shared one that they stood before;
 * where both sides have some, those of `live` come first.
 */
function mergeElements(node: Node, live: readonly unknown[], config: readonly unknown[]): unknown[] {
  const items = itemNode(node)
  const there = byElement(node, live)
  const applied = byElement(node, config)
  const places = live.map(item => elementOf(node, item))
  const merged: unknown[] = []
  let at = 0
  const takeUntil = (stop: string | undefined) => {
    for (; at < live.length && places[at] !== stop; at++) if (!applied.has(places[at] as string)) merged.push(live[at])
  }
  const names = [...applied.keys()]
  const nextShared: (string | undefined)[] = []
  let next: string | undefined
  for (const name of names.toReversed()) {
    if (there.has(name)) next = name
    nextShared.push(next)
  }
  nextShared.reverse()
  for (const [index, name] of names.entries()) {
    takeUntil(nextShared[index])
    const same = there.get(name)
    // What repeats in `live` cannot be told apart: the configuration's takes the place of all.
    merged.push(mergeValues(items, same?.length === 1 ? same[0] : undefined, applied.get(name)?.[0]))
    if (places[at] === name) at++
  }
  takeUntil(undefined)
  return merged
}
