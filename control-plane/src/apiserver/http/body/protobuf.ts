/**
 * Kubernetes' protobuf envelope, as far as requests need it today: four magic bytes, then `runtime.Unknown`. kubectl >= 1.32
 * sends DeleteOptions this way when it drains.
 */
import { badRequest } from '@davit/api'

const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0x00])

export function isProtobuf(mediaType: string): boolean {
  return mediaType === 'application/vnd.kubernetes.protobuf'
}

export type WireValue = { wire: 'varint'; value: bigint } | { wire: 'bytes'; value: Buffer }

/** Fields in order of appearance. Throws BadRequest on anything malformed or cut off. */
export function readFields(bytes: Buffer): Map<number, WireValue[]> {
  const fields = new Map<number, WireValue[]>()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw malformed()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw malformed()
  }
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw malformed()
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = varint()
    const field = Number(tag >> 3n)
    const wire = Number(tag & 7n)
    let value: WireValue
    if (wire === 0) value = { wire: 'varint', value: varint() }
    else if (wire === 1) value = { wire: 'bytes', value: take(8) }
    else if (wire === 2) value = { wire: 'bytes', value: take(Number(varint())) }
    else if (wire === 5) value = { wire: 'bytes', value: take(4) }
    else throw malformed()
    const values = fields.get(field)
    if (values) values.push(value)
    else fields.set(field, [value])
  }
  return fields
}

export function hasEnvelope(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.subarray(0, 4).equals(MAGIC)
}

/** The kind and the bytes of the object inside an envelope. */
export function openEnvelope(bytes: Buffer): { apiVersion: string; kind: string; raw: Buffer } {
  if (!hasEnvelope(bytes)) throw malformed()
  const envelope = readFields(bytes.subarray(4))
  const type = readFields(bytesOf(envelope, 1) ?? Buffer.alloc(0))
  return { apiVersion: textOf(type, 1) ?? '', kind: textOf(type, 2) ?? '', raw: bytesOf(envelope, 2) ?? Buffer.alloc(0) }
}

/** `DeleteOptions` as JSON would have it. */
export function decodeDeleteOptions(bytes: Buffer): Record<string, unknown> {
  const { kind, raw } = openEnvelope(bytes)
  if (kind !== 'DeleteOptions') throw badRequest(`Cannot read the request body: want DeleteOptions, found ${JSON.stringify(kind)}`)
  const fields = readFields(raw)
  const options: Record<string, unknown> = { kind: 'DeleteOptions', apiVersion: 'v1' }
  const grace = fields.get(1)?.at(-1)
  if (grace?.wire === 'varint') options.gracePeriodSeconds = Number(BigInt.asIntN(64, grace.value))
  const preconditions = bytesOf(fields, 2)
  if (preconditions) {
    const inner = readFields(preconditions)
    const uid = textOf(inner, 1)
    const resourceVersion = textOf(inner, 2)
    options.preconditions = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) }
  }
  const orphan = fields.get(3)?.at(-1)
  if (orphan?.wire === 'varint') options.orphanDependents = orphan.value !== 0n
  const policy = textOf(fields, 4)
  if (policy !== undefined) options.propagationPolicy = policy
  const dryRun = (fields.get(5) ?? []).map(value => (value.wire === 'bytes' ? value.value.toString('utf8') : ''))
  if (dryRun.length > 0) options.dryRun = dryRun
  return options
}

function bytesOf(fields: Map<number, WireValue[]>, field: number): Buffer | undefined {
  const value = fields.get(field)?.at(-1)
  return value?.wire === 'bytes' ? value.value : undefined
}

function textOf(fields: Map<number, WireValue[]>, field: number): string | undefined {
  return bytesOf(fields, field)?.toString('utf8')
}

function malformed(): Error {
  return badRequest('Cannot read the protobuf request body: it is malformed or cut off')
}
