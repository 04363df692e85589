/** Takes exact numbers of bytes from a stream that comes in chunks of any size. */
export class ByteReader {
  readonly #source: AsyncIterator<Buffer>
  #chunks: Buffer[] = []
  #length = 0

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next `length` bytes; undefined when the stream ended before the first of them. Throws when it ended after. */
  async read(length: number): Promise<Buffer | undefined> {
    while (this.#length < length) {
      if (await this.#fill()) continue
      if (this.#length === 0) return undefined
      throw new Error(`Cannot read ${length} bytes: the stream ended after ${this.#length}`)
    }
    return this.#take(length)
  }

  /** At least one and at most `lengthMax` bytes, as they come; undefined at the end. */
  async readSome(lengthMax: number): Promise<Buffer | undefined> {
    if (this.#length === 0 && !(await this.#fill())) return undefined
    return this.#take(Math.min(lengthMax, this.#chunks[0]!.length))
  }

  async #fill(): Promise<boolean> {
    for (;;) {
      const { value, done } = await this.#source.next()
      if (done) return false
      if (value.length === 0) continue
      this.#chunks.push(value)
      this.#length += value.length
      return true
    }
  }

  #take(length: number): Buffer {
    const first = this.#chunks[0] ?? Buffer.alloc(0)
    const taken = first.length >= length ? first.subarray(0, length) : Buffer.concat(this.#chunks, this.#length).subarray(0, length)
    this.#length -= length
    for (let left = length; left > 0; ) {
      const chunk = this.#chunks[0]!
      if (chunk.length > left) {
        this.#chunks[0] = chunk.subarray(left)
        break
      }
      left -= chunk.length
      this.#chunks.shift()
    }
    return taken
  }
}
