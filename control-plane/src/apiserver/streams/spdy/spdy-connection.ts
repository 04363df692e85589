/**
 * The server's end of a SPDY/3.1 connection as Kubernetes' clients use it: they open streams, nobody keeps windows, and so the
 * socket's own backpressure is all there is.
 */
import type { Duplex } from 'node:stream'
import { ByteReader, chunksOf, writeChunk } from '@davit/api'
import { controlFrame, dataHead, FLAG_FIN, FRAME, type Frame, RESET, readFrame } from './frames.ts'
import { HeaderDecoder, HeaderEncoder } from './header-block.ts'
import { SpdyStream, type StreamSink } from './spdy-stream.ts'

const STREAMS_MAX = 1024
const PIECE_BYTES = 1 << 20
const CLOSE_MS_MAX = 5000

export interface SpdyOptions {
  /** Called with each stream the client opens, already accepted. */
  readonly onStream: (stream: SpdyStream) => void
}

/** Owns the socket it is given: `run` serves it to its end. */
export class SpdyConnection implements StreamSink {
  readonly #socket: Duplex
  readonly #options: SpdyOptions
  readonly #streams = new Map<number, SpdyStream>()
  readonly #encoder = new HeaderEncoder()
  readonly #decoder = new HeaderDecoder()
  #lastId = 0
  #pingId = 0

  constructor(socket: Duplex, options: SpdyOptions) {
    this.#socket = socket
    this.#options = options
    socket.on('error', () => {})
  }

  /** Serves until the connection ends, however that comes. Never rejects. */
  async run(): Promise<void> {
    const reader = new ByteReader(chunksOf(this.#socket))
    try {
      for (;;) {
        const frame = await readFrame(reader)
        if (!frame || !(await this.#handle(frame))) break
      }
    } catch {
      this.#socket.write(controlFrame(FRAME.goAway, [this.#lastId, RESET.protocolError]), () => {})
    } finally {
      this.destroy()
    }
  }

  /** Lets out what was written, then ends the connection. */
  async close(): Promise<void> {
    const socket = this.#socket
    if (socket.destroyed) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, CLOSE_MS_MAX)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      socket.end(controlFrame(FRAME.goAway, [this.#lastId, 0]))
    })
    this.destroy()
  }

  destroy(): void {
    this.#socket.destroy()
    for (const stream of this.#streams.values()) stream.destroy()
    this.#encoder.close()
    this.#decoder.close()
  }

  send(streamId: number, chunk: Buffer, fin: boolean, sent: (err?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      sent(new Error('The connection is closed'))
      return
    }
    for (let at = 0; ; at += PIECE_BYTES) {
      const piece = chunk.subarray(at, at + PIECE_BYTES)
      const isLast = at + PIECE_BYTES >= chunk.length
      // One write, since over a WebSocket each is a message.
      const frame = Buffer.concat([dataHead(streamId, piece.length, isLast && fin ? FLAG_FIN : 0), piece])
      this.#socket.write(frame, isLast ? sent : undefined)
      if (isLast) return
    }
  }

  /** Makes the client answer, so that one that went away without a word is noticed by what writing to it brings. */
  ping(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    this.#pingId += 2
    this.#socket.write(controlFrame(FRAME.ping, [this.#pingId]))
  }

  closed(stream: SpdyStream, wasReset: boolean): void {
    if (!this.#streams.delete(stream.id) || !wasReset) return
    if (!this.#socket.destroyed && !this.#socket.writableEnded) {
      this.#socket.write(controlFrame(FRAME.rstStream, [stream.id, RESET.cancel]))
    }
  }

  /** False when the client says that it ends the connection. */
  async #handle(frame: Frame): Promise<boolean> {
    if (frame.type === 'data') {
      await this.#streams.get(frame.streamId)?.receive(frame.payload, (frame.flags & FLAG_FIN) !== 0)
      return true
    }
    const { control, payload, flags } = frame
    switch (control) {
      case FRAME.synStream:
        await this.#open(payload, flags)
        return true
      case FRAME.synReply:
        // The server opens no streams, but the compression goes on.
        await this.#decoder.decode(payload.subarray(4))
        return true
      case FRAME.headers: {
        await this.#decoder.decode(payload.subarray(4))
        if (flags & FLAG_FIN) await this.#streams.get(streamIdIn(payload))?.receive(Buffer.alloc(0), true)
        return true
      }
      case FRAME.rstStream: {
        const stream = this.#streams.get(streamIdIn(payload))
        this.#streams.delete(streamIdIn(payload))
        stream?.destroy()
        return true
      }
      case FRAME.ping:
        // Those with even numbers would be answers to ours.
        if (payload.readUInt32BE(0) % 2 === 1) await writeChunk(this.#socket, controlFrame(FRAME.ping, [payload.readUInt32BE(0)]))
        return true
      case FRAME.goAway:
        return this.#streams.size > 0
      default:
        // SETTINGS and WINDOW_UPDATE: there is nothing to set, and nobody keeps windows.
        return true
    }
  }

  async #open(payload: Buffer, flags: number): Promise<void> {
    const id = streamIdIn(payload)
    const headers = await this.#decoder.decode(payload.subarray(10))
    if (id % 2 === 0 || id <= this.#lastId) throw new Error(`Cannot open SPDY stream ${id} after ${this.#lastId}`)
    this.#lastId = id
    if (this.#streams.size >= STREAMS_MAX) {
      await writeChunk(this.#socket, controlFrame(FRAME.rstStream, [id, RESET.refusedStream]))
      return
    }
    const stream = new SpdyStream(id, headers, this)
    this.#streams.set(id, stream)
    await writeChunk(this.#socket, controlFrame(FRAME.synReply, [id], await this.#encoder.encode(new Map())))
    this.#options.onStream(stream)
    if (flags & FLAG_FIN) await stream.receive(Buffer.alloc(0), true)
  }
}

function streamIdIn(payload: Buffer): number {
  return payload.readUInt32BE(0) & 0x7fff_ffff
}
