/**
 * port-forward over WebSocket channels, as the Python client does it: the ports are in the query, the i-th has channel 2i for bytes and
 * 2i+1 for what goes wrong, and the first message on each is the port, little-endian.
 */
import { badRequest, chunksOf, type Logger, writeChunk } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'
import { closeWebSocket, sendMessage } from '../web-socket.ts'
import type { DialPort } from './pod-ports.ts'

const PORTS_MAX = 100
const CLOSE_NORMAL = 1000

export interface ForwardChannelsOptions {
  readonly dial: DialPort
  readonly ports: readonly number[]
  readonly log: Logger
}

/** The ports a query names, as `ports=80&ports=443` or `ports=80,443`. Throws BadRequest. */
export function portsIn(query: URLSearchParams): number[] {
  const ports = query
    .getAll('ports')
    .flatMap(text => text.split(','))
    .filter(Boolean)
    .map(Number)
  if (ports.length === 0) throw badRequest('query parameter "ports" is required')
  const wrong = ports.find(port => !Number.isInteger(port) || port < 1 || port > 65_535)
  if (wrong !== undefined || ports.length > PORTS_MAX)
    throw badRequest(`query parameter "ports" is invalid: ${query.getAll('ports').join(',')}`)
  return ports
}

/** Serves one client until it is gone or every port's connection has ended. */
export async function forwardChannels(webSocket: WebSocket, { dial, ports, log }: ForwardChannelsOptions): Promise<void> {
  const stream = createWebSocketStream(webSocket, { readableObjectMode: true })
  stream.on('error', () => {})
  const ended = new AbortController()
  const send = (channel: number, payload: Buffer) => sendMessage(webSocket, Buffer.concat([Buffer.from([channel]), payload]))
  for (const [index, port] of ports.entries()) {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16LE(port)
    await send(2 * index, bytes)
    await send(2 * index + 1, bytes)
  }
  const remotes = ports.map(port => dial(port, ended.signal))
  const outputs = remotes.map(async (dialled, index) => {
    try {
      for await (const chunk of chunksOf(await dialled)) await send(2 * index, chunk)
    } catch (err) {
      if (!ended.signal.aborted) await send(2 * index + 1, Buffer.from(err instanceof Error ? err.message : String(err)))
    }
  })
  const input = async () => {
    for await (const message of chunksOf(stream) as AsyncIterable<Buffer | string>) {
      if (typeof message === 'string' || message.length === 0) continue
      const remote = await remotes[message[0]! / 2]?.catch(() => undefined)
      if (remote) await writeChunk(remote, message.subarray(1))
    }
  }
  await Promise.race([Promise.all(outputs), input().catch(err => log.debug({ err }, 'The client of a port-forward went away'))])
  ended.abort(new Error('The client closed the connection'))
  await closeWebSocket(webSocket, CLOSE_NORMAL)
}
