import type { IncomingMessage } from 'node:http'
import { WebSocket } from 'ws'
import { ApiError } from '../status.ts'
import type { Credentials } from './connection.ts'
import { responseError, unreachable } from './response-error.ts'

export interface OpenWebSocketRequest {
  /** Tried in order until one can be reached. */
  servers: readonly string[]
  /** With query. */
  path: string
  protocols: readonly string[]
  credentials: Credentials
  headers: Record<string, string>
  signal?: AbortSignal
}

const HANDSHAKE_MS_MAX = 30_000
const MESSAGE_BYTES_MAX = 64 << 20

/** Opens a WebSocket (HTTP/1.1) on the first server that can be reached and is not away; another refusal is final and thrown as its Status. */
export async function openWebSocket(request: OpenWebSocketRequest): Promise<WebSocket> {
  let lastError: unknown
  for (const server of request.servers) {
    try {
      return await open(server, request)
    } catch (err) {
      request.signal?.throwIfAborted()
      if (err instanceof ApiError && err.code !== 503) throw err
      lastError = err
    }
  }
  throw unreachable(`WebSocket ${request.path}`, lastError)
}

function open(server: string, { path, protocols, credentials, headers, signal }: OpenWebSocketRequest): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const socket = new WebSocket(new URL(path, server.replace(/^http/, 'ws')), [...protocols], {
      ca: credentials.certificateAuthority,
      ...(credentials.certificate && { cert: credentials.certificate }),
      ...(credentials.key && { key: credentials.key }),
      headers,
      handshakeTimeout: HANDSHAKE_MS_MAX,
      perMessageDeflate: false,
      maxPayload: MESSAGE_BYTES_MAX,
    })
    const abort = () => {
      socket.terminate()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    socket.on('close', () => signal?.removeEventListener('abort', abort))
    socket.on('error', reject)
    socket.once('unexpected-response', (_request, response) => {
      readRefusal(response)
        .then(body => reject(responseError(response.statusCode ?? 0, body)), reject)
        .finally(() => socket.terminate())
    })
    socket.once('open', () => {
      // What the server sends at once must wait until whoever awaits this has added listeners.
      socket.pause()
      setImmediate(() => socket.resume())
      resolve(socket)
    })
  })
}

async function readRefusal(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}
