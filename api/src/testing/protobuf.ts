/** Writing protobuf by hand, for tests. */

function varint(value: bigint): number[] {
  const unsigned = BigInt.asUintN(64, value)
  return unsigned < 0x80n ? [Number(unsigned)] : [Number(unsigned & 0x7fn) | 0x80, ...varint(unsigned >> 7n)]
}

/** A field that is a number or a truth. */
export function number(field: number, value: number | bigint): Buffer {
  return Buffer.from([...varint(BigInt(field) << 3n), ...varint(BigInt(value))])
}

/** A field that is a text, bytes, or a message of the fields given. */
export function bytes(field: number, ...content: readonly (Buffer | string)[]): Buffer {
  const inside = Buffer.concat(content.map(part => Buffer.from(part as string)))
  return Buffer.concat([Buffer.from([...varint((BigInt(field) << 3n) | 2n), ...varint(BigInt(inside.length))]), inside])
}

/** An object as it comes in a request. */
export function envelope(apiVersion: string, kind: string, ...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from('k8s\0'), bytes(1, bytes(1, apiVersion), bytes(2, kind)), bytes(2, ...fields)])
}
