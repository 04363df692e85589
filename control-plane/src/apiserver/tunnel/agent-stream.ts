/** One request to a node's agent through its tunnel. */
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2'
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { ApiError, apiError, type Status, unavailable } from '@davit/api'
import { beginningOf } from './beginning-of.ts'

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
export async function openAgentStream(session: ClientHttp2Session, request: AgentRequest): Promise<ClientHttp2Stream> {
  return (await askAgent(session, request)).stream
}

/** The same, with what the agent says its answer is. */
export async function askAgent(
  session: ClientHttp2Session,
  { method, path, signal }: AgentRequest,
): Promise<{ stream: ClientHttp2Stream; contentType: string }> {
  signal.throwIfAborted()
  const stream = session.request({ ':method': method, ':path': path }, { endStream: method === 'GET' })
  stream.on('error', () => {})
  const abort = () => stream.destroy()
  signal.addEventListener('abort', abort, { once: true })
  stream.once('close', () => signal.removeEventListener('abort', abort))
  const headers = await new Promise<IncomingHttpHeaders & IncomingHttpStatusHeader>((resolve, reject) => {
    const closed = () => reject(signal.aborted ? signal.reason : unavailable('the tunnel to the node broke before it answered'))
    stream.once('response', answered => {
      stream.off('close', closed)
      resolve(answered)
    })
    stream.once('close', closed)
  })
  const code = Number(headers[':status'])
  if (code < 300) return { stream, contentType: headers['content-type'] ?? 'application/octet-stream' }
  const status = await readStatus(stream, code)
  stream.destroy()
  throw new ApiError(status)
}

async function readStatus(stream: ClientHttp2Stream, code: number): Promise<Status> {
  const text = await beginningOf(stream, ERROR_BYTES_MAX)
  const status = parseStatus(text)
  // As a failure only: other codes would mean something else to the client's HTTP than a refusal.
  const isFailure = status?.status === 'Failure' && Number.isInteger(status.code) && status.code >= 400 && status.code < 600
  return isFailure ? status : { ...apiError('InternalError', `the node answered ${code}: ${text.slice(0, 500)}`).status }
}

/** A stream of HTTP/2 ends alike when it was whole and when its tunnel broke: here the latter fails, lest it look complete. */
export function wholeOrBroken(stream: ClientHttp2Stream, session: ClientHttp2Session, what: string): Readable {
  const whole = new PassThrough({
    flush(done) {
      const isBroken = stream.rstCode !== 0 || session.destroyed || session.closed
      done(isBroken ? unavailable(`the connection to the node broke before ${what} ended`) : null)
    },
  })
  pipeline(stream, whole, () => {})
  return whole
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
