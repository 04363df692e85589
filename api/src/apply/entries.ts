/** The entries of `metadata.managedFields`: who owns which fields. */
import { type FieldSet, isEmptySet, isFieldSet, isSameSet, union } from './field-set.ts'

export type Operation = 'Apply' | 'Update'

/** One manager's fields, as they are stored and shown. */
export interface ManagedFieldsEntry {
  readonly manager: string
  readonly operation: Operation
  /** Version of the kind that the fields are of. */
  readonly apiVersion: string
  readonly time?: string
  readonly fieldsType: 'FieldsV1'
  readonly fieldsV1: FieldSet
  readonly subresource?: string
}

/** Who writes: an entry without fields and time. */
export type Manager = Pick<ManagedFieldsEntry, 'manager' | 'operation' | 'apiVersion' | 'subresource'>

/** Entries as read or as a client sends them; undefined when they are not what the server would have written. */
export function decodeEntries(raw: readonly unknown[]): readonly ManagedFieldsEntry[] | undefined {
  const entries: ManagedFieldsEntry[] = []
  for (const entry of raw) {
    const decoded = decodeEntry(entry)
    if (!decoded) return undefined
    // Two of one manager are one: the later counts.
    const same = entries.findIndex(other => isSameManager(other, decoded))
    if (same < 0) entries.push(decoded)
    else entries[same] = decoded
  }
  return entries.filter(({ fieldsV1 }) => !isEmptySet(fieldsV1))
}

function decodeEntry(raw: unknown): ManagedFieldsEntry | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined
  const { manager = '', operation, apiVersion, time, fieldsType, fieldsV1 = {}, subresource } = raw as Partial<ManagedFieldsEntry>
  if ((operation !== 'Apply' && operation !== 'Update') || !apiVersion || fieldsType !== 'FieldsV1' || !isFieldSet(fieldsV1))
    return undefined
  return { manager, operation, apiVersion, ...(time && { time }), fieldsType, fieldsV1, ...(subresource && { subresource }) }
}

/** `managedFields: [{}]` asks that they be forgotten. */
export function isReset(raw: readonly unknown[]): boolean {
  const [only] = raw
  return raw.length === 1 && typeof only === 'object' && only !== null && Object.keys(only).length === 0
}

/** Whoever applies is the same in every version. */
export function isSameManager(left: Manager, right: Manager): boolean {
  return (
    left.manager === right.manager &&
    left.operation === right.operation &&
    (left.subresource ?? '') === (right.subresource ?? '') &&
    (left.operation === 'Apply' || left.apiVersion === right.apiVersion)
  )
}

export function isSameEntries(left: readonly ManagedFieldsEntry[], right: readonly ManagedFieldsEntry[], by: 'all' | 'fields'): boolean {
  if (left === right) return true
  if (left.length !== right.length) return false
  // In their order, which the same managers have in both unless their times differ.
  return left.every(entry => {
    const other = right.find(candidate => isSameManager(candidate, entry))
    return (
      other !== undefined &&
      other.apiVersion === entry.apiVersion &&
      (by === 'fields' || other.time === entry.time) &&
      isSameSet(other.fieldsV1, entry.fieldsV1)
    )
  })
}

/** With other fields, or undefined when none are left; itself when they are the same. */
export function withFields(entry: ManagedFieldsEntry, fieldsV1: FieldSet): ManagedFieldsEntry | undefined {
  if (fieldsV1 === entry.fieldsV1) return entry
  return isEmptySet(fieldsV1) ? undefined : { ...entry, fieldsV1 }
}

/** A new entry, its fields in the order in which Kubernetes writes them. */
export function entryOf({ manager, operation, apiVersion, subresource }: Manager, fieldsV1: FieldSet, time?: string): ManagedFieldsEntry {
  return {
    manager,
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource && { subresource }),
  }
}

/** Those who apply first, then by time. */
export function inOrderOfTime(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  return isSorted(entries) ? entries : entries.toSorted(compareEntries)
}

function isSorted(entries: readonly ManagedFieldsEntry[]): boolean {
  for (let at = 1; at < entries.length; at++) {
    if (compareEntries(entries[at - 1] as ManagedFieldsEntry, entries[at] as ManagedFieldsEntry) > 0) return false
  }
  return true
}

function compareEntries(left: ManagedFieldsEntry, right: ManagedFieldsEntry): number {
  return (
    compareTexts(left.operation, right.operation) ||
    compareTexts(left.time ?? '', right.time ?? '') ||
    compareTexts(left.manager, right.manager) ||
    compareTexts(left.apiVersion, right.apiVersion) ||
    compareTexts(left.subresource ?? '', right.subresource ?? '')
  )
}

function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0
}

const UPDATERS_MAX = 10
const OLD_UPDATES = 'ancient-changes'

/** With at most ten managers that update: the oldest of one version become one entry. */
export function capped(entries: readonly ManagedFieldsEntry[]): readonly ManagedFieldsEntry[] {
  const updaters = entries.filter(({ operation }) => operation === 'Update')
  let surplus = updaters.length - UPDATERS_MAX
  if (surplus <= 0) return entries
  const oldest = updaters.toSorted(
    (left, right) => compareTexts(left.time ?? '', right.time ?? '') || compareTexts(left.manager, right.manager),
  )
  const gone = new Set<ManagedFieldsEntry>()
  const buckets = new Map<string, ManagedFieldsEntry>()
  for (const entry of oldest) {
    if (surplus <= 0) break
    const before = buckets.get(entry.apiVersion)
    if (before) surplus--
    gone.add(entry)
    const bucket: Manager = { manager: OLD_UPDATES, operation: 'Update', apiVersion: entry.apiVersion }
    // The first of its version stays as it is until there is another to join.
    buckets.set(entry.apiVersion, before ? entryOf(bucket, union(before.fieldsV1, entry.fieldsV1), entry.time) : entry)
  }
  return [...entries.filter(entry => !gone.has(entry)), ...buckets.values()]
}
