/** One request to a node's agent through its tunnel. */
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { ApiError, apiError, type Status, unavailable } from '@davit/api'

const ERROR_BYTES_MAX = 64 << 10

export interface AgentRequest {
  readonly method: 'GET' | 'POST'
  /** With query. */
  readonly path: string
  readonly signal: AbortSignal
}

/**
 * Resolves once the agent has answered well; the stream is then the caller's to end or destroy, and is destroyed when the signal
 * aborts. Throws the agent's Status, or ServiceUnavailable when the tunnel breaks.
 */
export async function openAgentStream(session: ClientHttp2Session, { method, path, signal }: AgentRequest): Promise<ClientHttp2Stream> {
  signal.throwIfAborted()
  const stream = session.request({ ':method': method, ':path': path }, { endStream: method === 'GET' })
  stream.on('error', () => {})
  const abort = () => stream.destroy()
  signal.addEventListener('abort', abort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', abort))
  const code = await new Promise<number>((resolve, reject) => {
    const closed = () => reject(signal.aborted ? signal.reason : unavailable('the tunnel to the node broke before it answered'))
    stream.once('response', headers => {
      stream.off('close', closed)
      resolve(Number(headers[':status']))
    })
    stream.once('close', closed)
  })
  if (code < 300) return stream
  const status = await readStatus(stream, code)
  stream.destroy()
  throw new ApiError(status)
}

async function readStatus(stream: ClientHttp2Stream, code: number): Promise<Status> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length > ERROR_BYTES_MAX) break
  }
  const text = Buffer.concat(chunks).toString()
  return parseStatus(text) ?? { ...apiError('InternalError', `the node answered ${code}: ${text.slice(0, 500)}`).status }
}

/** What a node sends as a Status; undefined when it is none. */
export function parseStatus(text: string): Status | undefined {
  try {
    const status = JSON.parse(text) as Partial<Status> | null
    return status?.kind === 'Status' && typeof status.code === 'number' ? (status as Status) : undefined
  } catch {
    return undefined
  }
}
