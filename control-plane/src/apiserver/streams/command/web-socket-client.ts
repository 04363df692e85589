/** exec and attach over WebSocket: each message begins with its channel; `base64` protocols write all of it as text. */
import { CHANNELS, chunksOf, type Status, type StreamFrame, writeChunk } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'
import { closeWebSocket } from '../web-socket.ts'
import type { CommandClient } from './command-client.ts'
import { legacyError } from './legacy-error.ts'

/** In no order: the client's first that is here is taken. An empty one is for clients that name none. */
export const WEB_SOCKET_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'v1.channel.k8s.io',
  'channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'base64.channel.k8s.io',
] as const

const CLOSE_NORMAL = 1000

/** Passes channels of a WebSocket whose handshake settled on `protocol` (empty: none was offered). */
export function webSocketClient(webSocket: WebSocket, protocol: string): CommandClient {
  const isText = protocol.includes('base64')
  // Since v4 the end is told as JSON; before, as a sentence, and success by silence.
  const isStructured = /^v[45]\./.test(protocol)
  const stream = createWebSocketStream(webSocket, { readableObjectMode: true, decodeStrings: false })
  stream.on('error', () => {})
  const send = (channel: number, payload: Buffer) => {
    if (isText) return writeChunk(stream, `${channel}${payload.toString('base64')}`)
    return writeChunk(stream, Buffer.concat([Buffer.from([channel]), payload]))
  }
  return {
    async read(pass) {
      // Some clients wait for a first message before they send.
      await send(CHANNELS.stdout, Buffer.alloc(0))
      try {
        for await (const message of chunksOf(stream) as AsyncIterable<Buffer | string>) {
          const frame = typeof message === 'string' ? parseText(message) : parseBinary(message)
          if (frame) await pass(frame)
        }
      } catch {
        // However it went, it is gone.
      }
    },
    write: ({ channel, payload }) => send(channel, payload),
    async finish(status) {
      const error = isStructured ? JSON.stringify(withoutCode(status)) : legacyError(status)
      if (error) await send(CHANNELS.error, Buffer.from(error))
      await closeWebSocket(webSocket, CLOSE_NORMAL)
    },
    destroy: () => webSocket.terminate(),
  }
}

/** A success is told without a code. */
function withoutCode(status: Status): Partial<Status> {
  if (status.status !== 'Success') return status
  return { metadata: {}, status: 'Success' }
}

function parseBinary(message: Buffer): StreamFrame | undefined {
  const channel = message[0]
  return channel === undefined ? undefined : forAgent(channel, message.subarray(1))
}

function parseText(message: string): StreamFrame | undefined {
  return forAgent(message.charCodeAt(0) - '0'.charCodeAt(0), Buffer.from(message.slice(1), 'base64'))
}

function forAgent(channel: number, payload: Buffer): StreamFrame | undefined {
  const isKnown = channel === CHANNELS.stdin || channel === CHANNELS.resize || channel === CHANNELS.close
  return isKnown ? { channel, payload } : undefined
}
