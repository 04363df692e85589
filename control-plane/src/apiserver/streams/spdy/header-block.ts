/** Blocks of headers: names and values with their lengths, through one compression for the whole connection in each direction. */

import type { Transform } from 'node:stream'
import { constants, createDeflate, createInflate, type Zlib } from 'node:zlib'
import { SPDY_DICTIONARY } from './dictionary.ts'

/** What a client sends is a few short headers; more is an attack. */
const BLOCK_BYTES_MAX = 64 << 10

export type Headers = ReadonlyMap<string, string>

/** Compresses blocks in the order they are sent. */
export class HeaderEncoder {
  readonly #deflate = new Context(createDeflate({ dictionary: SPDY_DICTIONARY }))

  encode(headers: Headers): Promise<Buffer> {
    const parts = [uint32(headers.size)]
    for (const [name, value] of headers) for (const text of [name, value]) parts.push(uint32(Buffer.byteLength(text)), Buffer.from(text))
    return this.#deflate.pass(Buffer.concat(parts))
  }

  close(): void {
    this.#deflate.close()
  }
}

/** Reads blocks in the order they came. Throws on a wrong one, after which none can be read any more. */
export class HeaderDecoder {
  readonly #inflate = new Context(createInflate({ dictionary: SPDY_DICTIONARY }))

  async decode(block: Buffer): Promise<Headers> {
    const bytes = await this.#inflate.pass(block)
    const headers = new Map<string, string>()
    let at = 4
    const text = (): string => {
      const end = at + 4 + bytes.readUInt32BE(at)
      if (end > bytes.length) throw new Error('Cannot read headers: one is longer than their block')
      const value = bytes.toString('utf8', at + 4, end)
      at = end
      return value
    }
    for (let left = bytes.readUInt32BE(0); left > 0; left--) headers.set(text().toLowerCase(), text())
    return headers
  }

  close(): void {
    this.#inflate.close()
  }
}

/** One direction's zlib stream, used a block at a time. */
class Context {
  readonly #zlib: Transform & Zlib
  #last: Promise<unknown> = Promise.resolve()
  #parts: Buffer[] = []
  #length = 0
  #fail: (err: Error) => void = () => {}

  constructor(zlib: Transform & Zlib) {
    this.#zlib = zlib
    zlib.on('error', err => this.#fail(err))
    zlib.on('data', (part: Buffer) => {
      this.#length += part.length
      if (this.#length > BLOCK_BYTES_MAX) zlib.destroy(new Error(`Cannot read headers of more than ${BLOCK_BYTES_MAX} bytes`))
      else this.#parts.push(part)
    })
  }

  /** What `block` becomes. */
  pass(block: Buffer): Promise<Buffer> {
    const passed = this.#last.then(() => this.#passNow(block))
    this.#last = passed.catch(() => {})
    return passed
  }

  close(): void {
    this.#zlib.destroy()
  }

  #passNow(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#zlib.destroyed) return reject(new Error('The connection is closed'))
      this.#fail = reject
      this.#zlib.once('close', () => reject(new Error('The connection is closed')))
      this.#zlib.write(block)
      this.#zlib.flush(constants.Z_SYNC_FLUSH, () => {
        this.#zlib.removeAllListeners('close')
        if (this.#zlib.destroyed) return reject(this.#zlib.errored ?? new Error('The connection is closed'))
        const whole = Buffer.concat(this.#parts)
        this.#parts = []
        this.#length = 0
        resolve(whole)
      })
    })
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
