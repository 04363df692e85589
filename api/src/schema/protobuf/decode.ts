/** From protobuf to what JSON would have said: the schema tells what is in a field, `messages.ts` which field it is. */
import { formatMicroTime, formatTime } from '../../clock.ts'
import type { ObjectNode, ScalarNode, SchemaNode } from '../describe.ts'
import { EITHER } from './json-schema.ts'
import { type Reader, type ReadField, readerOf } from './reader.ts'
import { FIXED64, LENGTH_DELIMITED, ProtobufError, VARINT, WireReader } from './wire.ts'

/** Deeper than any object of Kubernetes. */
const DEPTH_MAX = 200
/** As many as no object of Kubernetes has: each costs more in memory than the two bytes it may be on the wire. */
const MESSAGES_MAX = 250_000
/** The years that RFC 3339 can write, in seconds. */
const SECONDS_MIN = -62_167_219_200
const SECONDS_MAX = 253_402_300_799

export interface DecodeOptions {
  /** Group and version of the object, such as `apps/v1`. */
  readonly home: string
  /** Parses JSON that stands inside; may throw. */
  readonly parseJson: (bytes: Buffer) => unknown
}

/**
 * The object that `bytes` are, in JSON's form; fields the schema does not have are left out. A zero stands only where Go
 * tells it from none. Throws ProtobufError when the bytes are no such message.
 */
export function decodeMessage(node: ObjectNode, bytes: Buffer, { home, parseJson }: DecodeOptions): Record<string, unknown> {
  return new Decoder(parseJson).message(readerOf(node, home), new WireReader(bytes), { into: {}, depth: 0 })
}

type JsonObject = Record<string, unknown>

interface Place {
  /** The object that is filled. */
  readonly into: JsonObject
  readonly depth: number
}

class Decoder {
  readonly #parseJson: DecodeOptions['parseJson']
  #messages = 0

  constructor(parseJson: DecodeOptions['parseJson']) {
    this.#parseJson = parseJson
  }

  message(reader: Reader, wire: WireReader, place: Place): JsonObject {
    if (place.depth > DEPTH_MAX) throw new ProtobufError(`exceeded max depth of ${DEPTH_MAX}`)
    if (++this.#messages > MESSAGES_MAX) throw new ProtobufError(`exceeded max count of ${MESSAGES_MAX} messages`)
    while (!wire.done) {
      const tag = wire.tag()
      const field = reader.get(tag >>> 3)
      if (!field) wire.skip(tag & 7)
      else if ('embedded' in field) {
        expectWire(tag & 7, LENGTH_DELIMITED, 'embedded')
        this.message(field.embedded, wire.message(), { ...place, depth: place.depth + 1 })
      } else this.#field(field, wire, tag & 7, place)
    }
    return place.into
  }

  #field(field: ReadField, wire: WireReader, wireType: number, { into, depth }: Place): void {
    const { name, node, element } = field
    if (node.type === 'list' && element) {
      into[name] ??= []
      const list = into[name] as unknown[]
      const each = wireTypeOf(element.node)
      // Numbers may also come all in one, which is how newer encoders write them.
      if (each !== LENGTH_DELIMITED && wireType === LENGTH_DELIMITED) {
        const packed = wire.message()
        while (!packed.done) list.push(this.#value(element, packed, each, depth))
      } else list.push(this.#value(element, wire, wireType, depth))
      return
    }
    if (node.type === 'map' && element) {
      expectWire(wireType, LENGTH_DELIMITED, name)
      into[name] ??= {}
      this.#entry(element, wire.message(), { into: into[name] as JsonObject, depth })
      return
    }
    // A message that comes in parts is one message.
    const before =
      node.type === 'object' && !Object.hasOwn(EITHER, node.component ?? '') ? (into[name] as JsonObject | undefined) : undefined
    const value = this.#value(field, wire, wireType, depth, before)
    if (value === undefined || (!field.keepsZero && isZero(value))) delete into[name]
    else into[name] = value
  }

  #entry(element: ReadField, wire: WireReader, { into, depth }: Place): void {
    let key = ''
    let value: unknown
    while (!wire.done) {
      const tag = wire.tag()
      if (tag >>> 3 === 1) {
        expectWire(tag & 7, LENGTH_DELIMITED, element.name)
        key = wire.text()
      } else if (tag >>> 3 === 2) value = this.#value(element, wire, tag & 7, depth)
      else wire.skip(tag & 7)
    }
    if (key === '__proto__') throw new ProtobufError('the key "__proto__" cannot be used in an object')
    into[key] = value ?? emptyOf(element.node)
  }

  /** One value; a list here is the value of a map, which protobuf wraps into a message. */
  #value(field: ReadField, wire: WireReader, wireType: number, depth: number, before: JsonObject = {}): unknown {
    const { name, node, home } = field
    expectWire(wireType, wireTypeOf(node), name)
    switch (node.type) {
      case 'object':
        return eitherOf(node, this.message(readerOf(node, home), wire.message(), { into: before, depth: depth + 1 }))
      case 'list':
        return this.message(new Map([[1, field]]), wire.message(), { into: before, depth: depth + 1 })[name]
      case 'integer':
        return node.format === 'int32' ? wire.int32() : wire.int64()
      case 'boolean':
        return wire.bool()
      case 'number':
        return wire.double()
      case 'map':
      case 'any':
        return this.#json(wire.message())
      default:
        return scalarOf(node, wire)
    }
  }

  /** A message that holds JSON: RawExtension and its like. */
  #json(wire: WireReader): unknown {
    const raw = partsOf(wire).bytes.get(1)
    if (!raw || raw.length === 0) return undefined
    return this.#parseJson(raw)
  }
}

function eitherOf({ component = '' }: ObjectNode, value: JsonObject): unknown {
  return Object.hasOwn(EITHER, component) ? EITHER[component]?.(value) : value
}

function scalarOf(node: ScalarNode, wire: WireReader): unknown {
  switch (node.type) {
    case 'int-or-string': {
      const { numbers, bytes } = partsOf(wire.message())
      return numbers.get(1) === 1 ? String(bytes.get(3) ?? '') : (numbers.get(2) ?? 0) | 0
    }
    case 'quantity':
      return String(partsOf(wire.message()).bytes.get(1) ?? '') || '0'
    default:
      if (node.format === 'byte') return wire.bytes().toString('base64')
      if (node.format === 'date-time') return timeOf(wire.message(), node.meta.precision)
      return wire.text()
  }
}

/** A time that is not set has no parts. */
function timeOf(wire: WireReader, precision: 'micro' | undefined): string | undefined {
  const { numbers } = partsOf(wire)
  const seconds = numbers.get(1) ?? 0
  const nanos = numbers.get(2) ?? 0
  if (seconds === 0 && nanos === 0) return undefined
  if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 || nanos > 999_999_999) {
    throw new ProtobufError('Time.MarshalJSON: year outside of range [0,9999]')
  }
  if (precision !== 'micro') return formatTime(seconds * 1000)
  const micros = String(Math.floor(nanos / 1000)).padStart(6, '0')
  return formatMicroTime(seconds * 1000).replace(/\.[0-9]{6}Z$/, `.${micros}Z`)
}

/** The last of each field of a small message whose fields are numbers and texts. */
function partsOf(wire: WireReader): { numbers: Map<number, number>; bytes: Map<number, Buffer> } {
  const numbers = new Map<number, number>()
  const bytes = new Map<number, Buffer>()
  while (!wire.done) {
    const tag = wire.tag()
    if ((tag & 7) === VARINT) numbers.set(tag >>> 3, wire.int64())
    else if ((tag & 7) === LENGTH_DELIMITED) bytes.set(tag >>> 3, wire.bytes())
    else wire.skip(tag & 7)
  }
  return { numbers, bytes }
}

function wireTypeOf({ type }: SchemaNode): number {
  if (type === 'integer' || type === 'boolean') return VARINT
  return type === 'number' ? FIXED64 : LENGTH_DELIMITED
}

function expectWire(found: number, wanted: number, name: string): void {
  if (found !== wanted)
    throw new ProtobufError(`proto: wrong wireType = ${found} for field ${name.charAt(0).toUpperCase()}${name.slice(1)}`)
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false
}

/** What an entry without a value holds. */
function emptyOf({ type }: SchemaNode): unknown {
  if (type === 'list') return []
  if (type === 'object' || type === 'map' || type === 'any') return {}
  if (type === 'integer' || type === 'number') return 0
  if (type === 'boolean') return false
  return type === 'quantity' ? '0' : ''
}
