/** exec and attach over SPDY/3.1, as kubectl up to 1.29 does and later ones when WebSocket fails: a stream for each channel. */
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { CHANNELS, type Clock, chunksOf, type StreamFrame, timedOut, writeChunk } from '@davit/api'
import { acceptSpdy, SpdyConnection, type SpdyStream } from '../spdy/index.ts'
import type { CommandClient } from './command-client.ts'
import type { CommandOptions } from './command-options.ts'
import { errorText } from './error-text.ts'

export const SPDY_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const

/** The client opens its streams one after the other, each with a round trip. */
const STREAMS_MS_MAX = 30_000
/** A terminal's size is a few bytes; more without an end of line is nonsense. */
const RESIZE_BYTES_MAX = 4096

export interface SpdyClientOptions {
  readonly head: Buffer
  readonly protocol: string
  readonly options: CommandOptions
  readonly clock: Clock
}

/** Answers the handshake and waits for the streams the client's options need. Rejects when they do not come. */
export async function acceptSpdyClient(socket: Duplex, { head, protocol, options, clock }: SpdyClientOptions): Promise<CommandClient> {
  const streams = new Map<string, SpdyStream>()
  const wanted = ['error', ...(['stdin', 'stdout', 'stderr'] as const).filter(name => options[name])]
  const missing = new Set(wanted)
  let complete = () => {}
  const opened = new Promise<void>(resolve => {
    complete = resolve
  })
  let onResize = (_stream: SpdyStream) => {}
  acceptSpdy(socket, { head, protocol })
  const connection = new SpdyConnection(socket, {
    onStream(stream) {
      const type = stream.headers.get('streamtype') ?? ''
      if (streams.has(type)) return void stream.destroy()
      streams.set(type, stream)
      if (type === 'resize') onResize(stream)
      // What nobody reads is let go of, so that the stream can end.
      else if (type !== 'stdin') stream.resume()
      missing.delete(type)
      if (missing.size === 0) complete()
    },
  })
  const ended = connection.run()
  await within(clock, Promise.race([opened, ended]))
  if (missing.size > 0) {
    connection.destroy()
    throw timedOut(`The client did not open its streams: ${[...missing].join(', ')} missing`)
  }

  const outputs: Readonly<Record<number, SpdyStream | undefined>> = {
    [CHANNELS.stdout]: streams.get('stdout'),
    [CHANNELS.stderr]: streams.get('stderr'),
  }
  return {
    async read(pass) {
      const stdin = streams.get('stdin')
      if (stdin) void passStdin(stdin, pass)
      onResize = stream => void passSizes(stream, pass)
      const resize = streams.get('resize')
      if (resize) onResize(resize)
      await ended
    },
    async write({ channel, payload }) {
      const output = outputs[channel]
      return output && writeChunk(output, payload)
    },
    async finish(status) {
      const error = streams.get('error')
      const text = errorText(status, protocol)
      if (error && text) await writeChunk(error, text)
      const open = [...Object.values(outputs), error].filter(stream => stream !== undefined)
      await Promise.all(open.map(end))
      await connection.close()
    },
    ping: () => connection.ping(),
    destroy: () => connection.destroy(),
  }
}

type Pass = (frame: StreamFrame) => Promise<unknown>

async function passStdin(stdin: SpdyStream, pass: Pass): Promise<void> {
  try {
    for await (const payload of chunksOf(stdin)) await pass({ channel: CHANNELS.stdin, payload })
    await pass({ channel: CHANNELS.close, payload: Buffer.from([CHANNELS.stdin]) })
  } catch {
    // The client reset it: it sends no more, and the rest goes on.
  }
}

/** Sizes come as JSON, a line each. */
async function passSizes(resize: SpdyStream, pass: Pass): Promise<void> {
  let rest = ''
  try {
    for await (const chunk of chunksOf(resize)) {
      const lines = (rest + chunk.toString()).split('\n')
      rest = (lines.pop() ?? '').slice(0, RESIZE_BYTES_MAX)
      for (const line of lines.filter(Boolean)) await pass({ channel: CHANNELS.resize, payload: Buffer.from(line) })
    }
  } catch {
    // As above.
  }
}

async function end(stream: SpdyStream): Promise<void> {
  if (stream.destroyed) return
  stream.end()
  await finished(stream, { readable: false }).catch(() => {})
}

async function within(clock: Clock, work: Promise<void>): Promise<void> {
  const done = new AbortController()
  await Promise.race([work, clock.sleep(STREAMS_MS_MAX, done.signal).catch(() => {})])
  done.abort()
}
