/** Server-side apply: what an applied configuration makes of an object, and who owns what afterwards. */
import { compareObjects, UNOWNED_FIELDS } from './compare.ts'
import {
  capped,
  entryOf,
  inOrderOfTime,
  isSameEntries,
  isSameManager,
  type ManagedFieldsEntry,
  type Manager,
  withFields,
} from './entries.ts'
import { difference, differenceBelow, type FieldSet, forEachPath, intersection, isEmptySet, NO_FIELDS, union } from './field-set.ts'
import { fieldsOf, withHolders } from './fields-of.ts'
import { mergeConfig } from './merge.ts'
import { pathText } from './path-element.ts'
import { type Convert, comparisons } from './record-update.ts'
import { removeFields } from './remove.ts'
import type { Node } from './values.ts'

export interface Apply {
  readonly entries: readonly ManagedFieldsEntry[]
  /** Whose operation is `Apply`. */
  readonly by: Manager
  readonly time: string
  readonly node: Node
  /** As stored; `{}` when the object is to be created. */
  readonly live: object
  /** Checked: `configErrors` has found nothing. */
  readonly config: object
  readonly convert: Convert
  /** Fields that this way of writing leaves alone, such as `status`. */
  readonly ignored?: FieldSet
  /** Takes fields from whoever owns them: all, or those in a set. */
  readonly force?: boolean | FieldSet
  /** Brings the merged object into the form in which it will be stored. */
  readonly finish: (merged: object) => object
}

/** A field that the configuration would change and somebody else owns. */
export interface FieldConflict {
  readonly manager: Manager
  readonly path: readonly string[]
}

export type Applied =
  | { readonly conflicts: readonly FieldConflict[] }
  /** `object` is what `finish` gave. */
  | { readonly conflicts?: never; readonly object: object; readonly entries: readonly ManagedFieldsEntry[] }

/**
 * Puts the configuration onto the object, takes out what the manager applied before, applies no more and nobody else owns, and
 * settles ownership. Applying the same twice changes nothing.
 */
export function applyConfig(apply: Apply): Applied {
  const { entries, by, time, node, live, config, convert, ignored = NO_FIELDS, force = false, finish } = apply
  const fields = differenceBelow(fieldsOf(node, config), ignored)
  const own = difference(fields, UNOWNED_FIELDS)
  const last = entries.find(entry => isSameManager(entry, by))
  const others = entries.filter(entry => entry !== last)
  const merged = mergeConfig(node, live, config)
  const owners = [...others, entryOf(by, fields)]
  const object = finish(last ? prune(merged, { node, last, owners, by, convert }) : merged)

  const change = compareObjects(node, live, object)
  const inVersion = comparisons(change, { by, before: live, after: object, convert })
  const conflicts: FieldConflict[] = []
  const left = others.flatMap(entry => {
    const seen = inVersion(entry.apiVersion)
    if (!seen) return []
    const changed = differenceBelow(seen.changed, ignored)
    const taken = intersection(entry.fieldsV1, changed)
    const contested = force === true ? NO_FIELDS : force === false ? taken : difference(taken, force)
    forEachPath(contested, path => conflicts.push({ manager: entry, path: [...path] }))
    return withFields(entry, difference(difference(entry.fieldsV1, changed), differenceBelow(seen.removed, ignored))) ?? []
  })
  if (conflicts.length > 0) return { conflicts }

  const settled = (at?: string) => inOrderOfTime(capped(isEmptySet(own) ? left : [...left, entryOf(by, own, at)]))
  const unchanged = settled(last?.time)
  const isSame = change === undefined && isSameEntries(unchanged, entries, 'all')
  return { object, entries: isSame ? entries : settled(time) }
}

interface Pruning {
  readonly node: Node
  readonly last: ManagedFieldsEntry
  /** Everybody, with what they own now. */
  readonly owners: readonly ManagedFieldsEntry[]
  readonly by: Manager
  readonly convert: Convert
}

function prune(merged: object, { node, last, owners, by, convert }: Pruning): object {
  // What was applied in another version is compared field by field, which versions do not share: it stays.
  if (last.apiVersion !== by.apiVersion) return merged
  const before = withHolders(last.fieldsV1, node)
  const pruned = removeFields(node, merged, before)
  const all = withHolders(fieldsOf(node, merged), node)
  const kept = withHolders(fieldsOf(node, pruned), node)
  let owned: FieldSet = NO_FIELDS
  for (const { apiVersion, fieldsV1 } of owners) {
    // Who wrote in a version that is not served any more owns nothing.
    if (apiVersion === by.apiVersion || convert(merged, apiVersion)) owned = union(owned, fieldsV1)
  }
  // Gone is what was applied before, unless it is in the rest, or somebody owns it, or it was never this manager's.
  const gone = difference(difference(all, kept), withHolders(owned, node))
  return removeFields(node, merged, intersection(gone, before))
}

/** The fields of `lastApplied` (the annotation of client-side apply) that are still as it says: whoever applied it may have them. */
export function fieldsStillApplied(node: Node, lastApplied: object, live: object): FieldSet {
  const fields = fieldsOf(node, lastApplied)
  const change = compareObjects(node, lastApplied, live)
  return change ? difference(difference(fields, change.changed), change.removed) : fields
}

/** Kubernetes' words for one field: `conflict with "x" using apps/v1`, and where. */
export function conflictCause({ manager, path }: FieldConflict): { reason: 'FieldManagerConflict'; message: string; field: string } {
  return { reason: 'FieldManagerConflict', message: `conflict with ${managerText(manager)}`, field: pathText(path) }
}

/** Kubernetes' words for all. */
export function conflictMessage(conflicts: readonly FieldConflict[]): string {
  const [only] = conflicts
  if (only && conflicts.length === 1)
    return `Apply failed with 1 conflict: conflict with ${managerText(only.manager)}: ${pathText(only.path)}`
  const byManager = new Map<string, string[]>()
  for (const { manager, path } of conflicts) {
    const name = managerText(manager)
    byManager.set(name, [...(byManager.get(name) ?? []), `- ${pathText(path)}`])
  }
  const texts = [...byManager].sort(([left], [right]) => (left < right ? -1 : 1))
  const lines = texts.flatMap(([name, paths]) => [`conflicts with ${name}:`, ...paths])
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`
}

function managerText({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = `${JSON.stringify(manager)}${subresource ? ` with subresource ${JSON.stringify(subresource)}` : ''}`
  return operation === 'Update' ? `${name} using ${apiVersion}` : name
}
