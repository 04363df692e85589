/** exec and attach over WebSocket: each message begins with its channel; `base64` protocols write all of it as text. */
import { CHANNELS, chunksOf, type StreamFrame } from '@davit/api'
import { createWebSocketStream, type WebSocket } from 'ws'
import { closeWebSocket, sendMessage } from '../web-socket.ts'
import type { CommandClient } from './command-client.ts'
import { errorText } from './error-text.ts'

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
  const stream = createWebSocketStream(webSocket, { readableObjectMode: true })
  stream.on('error', () => {})
  const send = (channel: number, payload: Buffer) => {
    if (isText) return sendMessage(webSocket, `${channel}${payload.toString('base64')}`)
    return sendMessage(webSocket, Buffer.concat([Buffer.from([channel]), payload]))
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
      const text = errorText(status, protocol)
      if (text) await send(CHANNELS.error, Buffer.from(text))
      await closeWebSocket(webSocket, CLOSE_NORMAL)
    },
    ping() {
      if (webSocket.readyState === webSocket.OPEN) webSocket.ping()
    },
    destroy: () => webSocket.terminate(),
  }
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
