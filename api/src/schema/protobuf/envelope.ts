/** What Kubernetes wraps around every object in protobuf: four bytes, then a `runtime.Unknown` that tells the kind. */
import { LENGTH_DELIMITED, ProtobufError, WireReader } from './wire.ts'

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])

export interface Envelope {
  readonly apiVersion: string
  readonly kind: string
  /** The object itself; shared with the input. */
  readonly raw: Buffer
}

/** Throws ProtobufError in Kubernetes' words. */
export function openEnvelope(bytes: Buffer): Envelope {
  if (bytes.length === 0) throw new ProtobufError('empty data')
  if (!bytes.subarray(0, 4).equals(MAGIC)) {
    throw new ProtobufError(`provided data does not appear to be a protobuf message, expected prefix [${MAGIC.join(' ')}]`)
  }
  const unknown = textsOf(bytes.subarray(4))
  const type = textsOf(unknown.get(1) ?? Buffer.alloc(0))
  return { apiVersion: String(type.get(1) ?? ''), kind: String(type.get(2) ?? ''), raw: unknown.get(2) ?? Buffer.alloc(0) }
}

function textsOf(bytes: Buffer): Map<number, Buffer> {
  const texts = new Map<number, Buffer>()
  const wire = new WireReader(bytes)
  while (!wire.done) {
    const tag = wire.tag()
    if ((tag & 7) === LENGTH_DELIMITED) texts.set(tag >>> 3, wire.bytes())
    else wire.skip(tag & 7)
  }
  return texts
}
