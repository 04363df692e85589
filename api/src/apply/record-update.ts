/** Who owns what after a write that is no apply. */
import { type Comparison, compareObjects } from './compare.ts'
import { capped, entryOf, inOrderOfTime, isSameManager, type ManagedFieldsEntry, type Manager, withFields } from './entries.ts'
import { difference, type FieldSet, isEmptySet, union } from './field-set.ts'
import type { Node } from './values.ts'

/** An object as one version of its kind has it. */
export interface VersionedObject {
  readonly node: Node
  readonly object: object
}

/** `object`, which is of the version written, in `apiVersion`; undefined for a version that is not served any more. */
export type Convert = (object: object, apiVersion: string) => VersionedObject | undefined

/** For kinds of one version. */
export function onlyVersion(apiVersion: string, node: Node): Convert {
  return (object, wanted) => (wanted === apiVersion ? { node, object } : undefined)
}

export interface Update {
  readonly entries: readonly ManagedFieldsEntry[]
  readonly by: Manager
  readonly time: string
  readonly node: Node
  /** `{}` when the object is created. */
  readonly before: object
  readonly after: object
  readonly convert: Convert
}

/**
 * Whatever changed belongs to who wrote it and to nobody else; what is gone belongs to nobody. Gives `entries` themselves when
 * no field changed. Only what differs is looked at.
 */
export function recordUpdate({ entries, by, time, node, before, after, convert }: Update): readonly ManagedFieldsEntry[] {
  const change = compareObjects(node, before, after)
  if (!change) return entries
  const inVersion = comparisons(change, { by, before, after, convert })
  const left = entries.flatMap(entry => {
    const seen = inVersion(entry.apiVersion)
    return (seen && withFields(entry, difference(difference(entry.fieldsV1, seen.changed), seen.removed))) ?? []
  })
  if (isEmptySet(change.changed)) return inOrderOfTime(left)
  const own = entries.find(entry => isSameManager(entry, by))
  const others = left.filter(entry => !isSameManager(entry, by))
  const kept: FieldSet = own ? difference(own.fieldsV1, change.removed) : change.changed
  return inOrderOfTime(capped([...others, entryOf(by, own ? union(kept, change.changed) : kept, time)]))
}

/** How the change looks in each version: computed once for each that somebody uses. Undefined: the version is gone. */
export function comparisons(
  change: Comparison | undefined,
  { by, before, after, convert }: Pick<Update, 'by' | 'before' | 'after' | 'convert'>,
): (apiVersion: string) => Comparison | undefined {
  const known = new Map<string, Comparison | undefined>([[by.apiVersion, change ?? NOTHING]])
  return apiVersion => {
    if (!known.has(apiVersion)) {
      const old = convert(before, apiVersion)
      const now = convert(after, apiVersion)
      known.set(apiVersion, old && now ? (compareObjects(now.node, old.object, now.object) ?? NOTHING) : undefined)
    }
    return known.get(apiVersion)
  }
}

const NOTHING: Comparison = { changed: {}, removed: {} }
