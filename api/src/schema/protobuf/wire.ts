/** Protobuf's wire format: tags, and the three ways of writing a value that Kubernetes uses. */

/** What is wrong with the bytes, in the words of Go's decoder. */
export class ProtobufError extends Error {}

export const VARINT = 0
export const FIXED64 = 1
export const LENGTH_DELIMITED = 2
const FIXED32 = 5
const TAG_MAX = 0xffffffff
const VARINT_BYTES_MAX = 10

/** Reads one message front to back. Every method throws ProtobufError on bytes that end too early or make no sense. */
export class WireReader {
  readonly #bytes: Buffer
  readonly #end: number
  #at: number

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = start
    this.#end = end
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** Field number times eight, plus how it is written. */
  tag(): number {
    const tag = this.int64()
    if (tag < 8 || tag > TAG_MAX) throw new ProtobufError(`proto: illegal tag ${Math.floor(tag / 8)} (wire type ${tag & 7})`)
    return tag
  }

  /** As a double: beyond 2^53 as near as JSON numbers come. */
  int64(): number {
    const first = this.#byte()
    if (first < 0x80) return first
    // In parts of 28, 28 and 8 bits, which stay exact.
    const parts = [first & 0x7f, 0, 0]
    for (let at = 1; at < VARINT_BYTES_MAX; at++) {
      const byte = this.#byte()
      parts[at >> 2]! += (byte & 0x7f) << (7 * (at & 3))
      if (byte < 0x80) return signed(parts[0]!, parts[1]!, parts[2]! & 0xff)
    }
    throw new ProtobufError('proto: integer overflow')
  }

  int32(): number {
    return this.int64() | 0
  }

  bool(): boolean {
    return this.int64() !== 0
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#pass(8))
  }

  /** Shared with the input. */
  bytes(): Buffer {
    const start = this.#pass(this.#length())
    return this.#bytes.subarray(start, this.#at)
  }

  text(): string {
    const start = this.#pass(this.#length())
    return this.#bytes.toString('utf8', start, this.#at)
  }

  /** The message that comes next, by itself. */
  message(): WireReader {
    const start = this.#pass(this.#length())
    return new WireReader(this.#bytes, start, this.#at)
  }

  skip(wire: number): void {
    if (wire === VARINT) this.int64()
    else if (wire === FIXED64) this.#pass(8)
    else if (wire === LENGTH_DELIMITED) this.#pass(this.#length())
    else if (wire === FIXED32) this.#pass(4)
    else throw new ProtobufError(`proto: illegal wireType ${wire}`)
  }

  #length(): number {
    const length = this.int64()
    if (length < 0) throw new ProtobufError('proto: negative length found during unmarshaling')
    return length
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new ProtobufError('unexpected EOF')
    return this.#bytes[this.#at++]!
  }

  /** Goes on by so many bytes; where they begin. */
  #pass(length: number): number {
    if (length > this.#end - this.#at) throw new ProtobufError('unexpected EOF')
    this.#at += length
    return this.#at - length
  }
}

/** The number of 64 bits, in two's complement, that three parts make. */
function signed(low: number, middle: number, high: number): number {
  if (high < 0x80) return low + middle * 2 ** 28 + high * 2 ** 56
  return -(0xfffffff - low + (0xfffffff - middle) * 2 ** 28 + (0xff - high) * 2 ** 56 + 1)
}
