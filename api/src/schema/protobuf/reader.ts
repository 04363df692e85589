/** Numbers and schema brought together: which field of the schema a number on the wire is. */
import type { ObjectNode, SchemaNode } from '../describe.ts'
import { FREE_FORM } from './json-schema.ts'
import { type Message, messageOf } from './messages.ts'

/** A field of a JSON object as it comes on the wire. */
export interface ReadField {
  readonly name: string
  readonly node: SchemaNode
  /** Where names inside are looked up. */
  readonly home: string
  /** Whether a zero or an empty text is a value; otherwise it is the same as none. */
  readonly keepsZero: boolean
  /** One item of a list, or one value of a map. */
  readonly element?: ReadField
}

/** By number; fields of an embedded message are a reader of their own. */
export type Reader = ReadonlyMap<number, ReadField | { readonly embedded: Reader }>

const READERS = new WeakMap<object, Map<string, Reader>>()

/** Made once for an object's fields and home. Throws when the schema's object is no message known. */
export function readerOf(node: ObjectNode, home: string): Reader {
  let byHome = READERS.get(node.fields)
  if (!byHome) {
    byHome = new Map()
    READERS.set(node.fields, byHome)
  }
  let reader = byHome.get(home)
  if (!reader) {
    const message = node.component === undefined ? undefined : messageOf(node.component, home)
    if (!message) throw new Error(`Cannot read ${node.component ?? 'an object'} in protobuf: ${home} has no numbers for it`)
    reader = build(message, node)
    byHome.set(home, reader)
  }
  return reader
}

function build({ home, fields }: Message, node: ObjectNode): Reader {
  const reader = new Map<number, ReadField | { embedded: Reader }>()
  for (const { name, number, embedded, keepsZero, message } of fields) {
    if (embedded) {
      const inner = messageOf(name, home)
      if (!inner) throw new Error(`Cannot read ${node.component} in protobuf: ${home} has no numbers for ${name}, which is in it`)
      reader.set(number, { embedded: build(inner, node) })
      continue
    }
    const field = node.fields[name] && nodeOf(node.fields[name], message)
    // Numbers of fields that only other versions of Kubernetes have.
    if (field) reader.set(number, readField({ name, node: field, home, keepsZero: keepsZero || node.required.includes(name) }))
  }
  return reader
}

/** The schema's node, or that of the message where JSON's form is another. */
function nodeOf(node: SchemaNode, message: string | undefined): SchemaNode {
  return (message !== undefined && FREE_FORM[message]?.()) || node
}

function readField(field: Omit<ReadField, 'element'>): ReadField {
  const { node } = field
  const inner = node.type === 'list' ? node.items : node.type === 'map' && node.values.type !== 'any' ? node.values : undefined
  return inner ? { ...field, element: readField({ ...field, node: inner, keepsZero: true }) } : field
}
