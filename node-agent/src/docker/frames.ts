const HEADER_BYTES = 8

/**
 * What Docker writes of a container without a terminal is in frames, each after a header that says of which stream it is and how long; this
 * is their content, of both streams. A last frame that was cut is kept as far as it goes.
 */
export function unframed(framed: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 0; at + HEADER_BYTES <= framed.length; ) {
    const end = at + HEADER_BYTES + framed.readUInt32BE(at + 4)
    parts.push(framed.subarray(at + HEADER_BYTES, end))
    at = end
  }
  return Buffer.concat(parts).toString()
}
