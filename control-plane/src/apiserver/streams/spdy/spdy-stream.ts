import { Duplex } from 'node:stream'
import type { Headers } from './header-block.ts'

/** What a stream asks of its connection. */
export interface StreamSink {
  send(streamId: number, chunk: Buffer, fin: boolean, sent: (err?: Error | null) => void): void
  closed(stream: SpdyStream, wasReset: boolean): void
}

const BUFFER_BYTES = 256 << 10

/** One stream of a SPDY connection that its client opened. Ending it half-closes; destroying it resets. */
export class SpdyStream extends Duplex {
  readonly id: number
  readonly headers: Headers
  readonly #sink: StreamSink
  #drained: () => void = () => {}

  constructor(id: number, headers: Headers, sink: StreamSink) {
    super({ allowHalfOpen: true, readableHighWaterMark: BUFFER_BYTES, emitClose: true })
    this.id = id
    this.headers = headers
    this.#sink = sink
    this.on('error', () => {})
  }

  /** Takes what the client sent; resolves once there is room for more. */
  async receive(payload: Buffer, isLast: boolean): Promise<void> {
    if (this.destroyed || this.readableEnded) return
    const hasRoom = payload.length === 0 || this.push(payload)
    if (isLast) this.push(null)
    if (hasRoom || isLast) return
    await new Promise<void>(resolve => {
      this.#drained = resolve
    })
  }

  override _read(): void {
    this.#drained()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (err?: Error | null) => void): void {
    this.#sink.send(this.id, chunk, false, done)
  }

  override _final(done: (err?: Error | null) => void): void {
    this.#sink.send(this.id, Buffer.alloc(0), true, done)
  }

  override _destroy(err: Error | null, done: (err?: Error | null) => void): void {
    this.#drained()
    this.#sink.closed(this, !(this.readableEnded && this.writableFinished))
    done(err)
  }
}
