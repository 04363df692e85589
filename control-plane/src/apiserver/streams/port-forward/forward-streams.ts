/** port-forward as kubectl does it: over SPDY, two streams for each connection, one for what goes wrong and one for the bytes. */
import type { Duplex } from 'node:stream'
import type { Clock, Logger } from '@davit/api'
import { SpdyConnection, type SpdyStream } from '../spdy/index.ts'
import { type DialPort, pass } from './pod-ports.ts'

const PAIR_MS_MAX = 30_000
const PING_MS = 15_000

export interface ForwardStreamsOptions {
  readonly dial: DialPort
  readonly clock: Clock
  readonly log: Logger
}

interface Pair {
  error?: SpdyStream
  data?: SpdyStream
}

/** Serves one client until its connection ends. */
export async function forwardStreams(socket: Duplex, { dial, clock, log }: ForwardStreamsOptions): Promise<void> {
  const ended = new AbortController()
  const pairs = new Map<string, Pair>()

  const connection = new SpdyConnection(socket, {
    onStream(stream) {
      const type = stream.headers.get('streamtype')
      if (type !== 'error' && type !== 'data') {
        stream.destroy()
        return
      }
      const id = requestIdOf(stream, type)
      const pair = pairs.get(id) ?? {}
      if (pair[type]) {
        stream.destroy()
        return
      }
      if (!pairs.has(id)) dropLater(id, pair)
      pairs.set(id, pair)
      pair[type] = stream
      if (!pair.error || !pair.data) return
      pairs.delete(id)
      void forward(pair.error, pair.data, ended.signal, dial).catch(err => log.debug({ err }, 'A forwarded connection broke'))
    },
  })

  /** Half a pair is of no use, and must not pile up. */
  function dropLater(id: string, pair: Pair): void {
    clock.sleep(PAIR_MS_MAX, ended.signal).then(
      () => {
        if (pairs.get(id) !== pair) return
        pairs.delete(id)
        pair.error?.destroy()
        pair.data?.destroy()
      },
      () => {},
    )
  }

  const served = connection.run()
  void pingUntil(connection, clock, ended.signal)
  await served
  ended.abort(new Error('The client closed the connection'))
}

/** Clients of old send no id: there the error stream comes first and the data stream next. */
function requestIdOf(stream: SpdyStream, type: 'error' | 'data'): string {
  return stream.headers.get('requestid') ?? `stream-${type === 'error' ? stream.id : stream.id - 2}`
}

async function forward(error: SpdyStream, data: SpdyStream, ended: AbortSignal, dial: DialPort): Promise<void> {
  error.resume()
  const closed = new AbortController()
  data.once('close', () => closed.abort(new Error('The client closed the stream')))
  try {
    const port = Number(data.headers.get('port'))
    const remote = await dial(port, AbortSignal.any([ended, closed.signal]))
    await Promise.all([pass(data, remote), pass(remote, data)])
  } catch (err) {
    // Anything on this stream makes kubectl tell its user, and give up the whole forward.
    if (!ended.aborted && !closed.signal.aborted) error.write(err instanceof Error ? err.message : String(err))
    data.destroy()
  } finally {
    error.end()
  }
}

async function pingUntil(connection: SpdyConnection, clock: Clock, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    await clock.sleep(PING_MS, ended).catch(() => {})
    if (!ended.aborted) connection.ping()
  }
}
