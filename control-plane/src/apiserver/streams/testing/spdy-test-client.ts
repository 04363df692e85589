/** As much of a SPDY client as tests need. */
import type { Duplex } from 'node:stream'
import { ByteReader, chunksOf } from '@davit/api'
import { controlFrame, dataHead, FLAG_FIN, FRAME, type Frame, readFrame } from '../spdy/frames.ts'
import { HeaderDecoder, HeaderEncoder } from '../spdy/header-block.ts'

export class SpdyTestClient {
  readonly socket: Duplex
  readonly #reader: ByteReader
  readonly #encoder = new HeaderEncoder()
  readonly #decoder = new HeaderDecoder()
  #lastId = -1

  constructor(socket: Duplex) {
    this.socket = socket
    this.#reader = new ByteReader(chunksOf(socket))
    socket.once('close', () => {
      this.#encoder.close()
      this.#decoder.close()
    })
  }

  /** Opens a stream without waiting for the answer; gives its id. */
  async open(headers: Record<string, string>): Promise<number> {
    this.#lastId += 2
    const id = this.#lastId
    const block = await this.#encoder.encode(new Map(Object.entries(headers)))
    this.socket.write(controlFrame(FRAME.synStream, [id, 0], Buffer.concat([Buffer.alloc(2), block])))
    return id
  }

  data(id: number, payload: string | Buffer, flags = 0): void {
    this.socket.write(Buffer.concat([dataHead(id, Buffer.from(payload).length, flags), Buffer.from(payload)]))
  }

  end(id: number): void {
    this.data(id, '', FLAG_FIN)
  }

  next(): Promise<Frame | undefined> {
    return readFrame(this.#reader)
  }

  /** Number of headers in a SYN_REPLY. */
  async headerCount(frame: Frame): Promise<number> {
    return (await this.#decoder.decode(frame.payload.subarray(4))).size
  }

  /** What comes on each stream, by id, until all of `ids` have ended or the connection does. */
  async collect(ids: readonly number[]): Promise<Map<number, string>> {
    const open = new Set(ids)
    const texts = new Map<number, string>()
    while (open.size > 0) {
      const frame = await this.next().catch(() => undefined)
      if (!frame) break
      if (frame.type !== 'data') continue
      texts.set(frame.streamId, (texts.get(frame.streamId) ?? '') + frame.payload.toString())
      if (frame.flags & FLAG_FIN) open.delete(frame.streamId)
    }
    return texts
  }
}
