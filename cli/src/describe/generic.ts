import { type AnyObject, isJsonObject } from '../session/index.ts'
import type { Describer } from './describer.ts'
import { eventsOf, writeEvents } from './events.ts'
import { type DescriptionWriter, writeAnnotations, writeMap } from './writer.ts'

const SKIPPED = new Set(['.metadata.managedFields', '.metadata.name', '.metadata.namespace', '.metadata.labels', '.metadata.annotations'])
const ACRONYMS = new Set(['id', 'url', 'api', 'uid', 'osb', 'guid'])

/** For kinds without a describer of their own: every field there is. */
export const describeAny: Describer<AnyObject> = async (out, object, { session, now, showEvents }) => {
  out.field(0, 'Name', object.metadata.name)
  out.field(0, 'Namespace', object.metadata.namespace ?? '')
  writeMap(out, 0, 'Labels', object.metadata.labels)
  writeAnnotations(out, object.metadata.annotations)
  writeFields(out, object, { level: 0, path: '' })
  if (showEvents) writeEvents(out, await eventsOf(session, object), now)
}

function writeFields(out: DescriptionWriter, object: object, { level, path }: { level: number; path: string }): void {
  for (const [name, value] of Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const inner = `${path}.${name}`
    if (SKIPPED.has(inner)) continue
    const label = fieldLabel(name)
    if (Array.isArray(value)) {
      out.line(level, `${label}:`)
      for (const item of value) {
        if (isJsonObject(item)) writeFields(out, item, { level: level + 1, path: inner })
        else out.line(level + 1, item)
      }
    } else if (isJsonObject(value)) {
      out.line(level, `${label}:`)
      writeFields(out, value, { level: level + 1, path: inner })
    } else out.field(level, label, value === null ? '<nil>' : value)
  }
}

/** `podCIDR` as words: `Pod CIDR`. */
function fieldLabel(name: string): string {
  const words = name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+/g) ?? [name]
  if (/[^A-Za-z\d]/.test(name)) return name
  return words.map(word => (ACRONYMS.has(word.toLowerCase()) ? word.toUpperCase() : word[0]!.toUpperCase() + word.slice(1))).join(' ')
}
