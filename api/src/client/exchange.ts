/** One request on one session, up to the response's headers; and what a failure says about sending it again. */
import { type ClientHttp2Session, type ClientHttp2Stream, constants, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { pipeline, type Readable } from 'node:stream'

export interface ExchangeRequest {
  method: string
  /** With query. */
  path: string
  headers: OutgoingHttpHeaders
  body?: Buffer | string | Readable | undefined
  /** Ends the request, and the response's body as long as that is read. */
  signal: AbortSignal
}

export interface ExchangeResponse {
  status: number
  headers: IncomingHttpHeaders
  body: ClientHttp2Stream
}

/** There will be no answer to a request. */
export class NoAnswerError extends Error {
  /** The server has certainly not acted on it. */
  readonly isUnsent: boolean

  constructor(message: string, { isUnsent, cause }: { isUnsent: boolean; cause?: unknown }) {
    super(message, { cause })
    this.name = 'NoAnswerError'
    this.isUnsent = isUnsent
  }
}

/** Rejects with `NoAnswerError`, or with the signal's reason. The body must be read or destroyed. */
export function exchange(session: ClientHttp2Session, request: ExchangeRequest): Promise<ExchangeResponse> {
  const { method, path, headers, body, signal } = request
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    let stream: ClientHttp2Stream
    try {
      stream = session.request({ ':method': method, ':path': path, ...headers }, { endStream: body === undefined })
    } catch (cause) {
      return reject(new NoAnswerError('The session takes no more requests', { isUnsent: true, cause }))
    }
    let failure: unknown
    const abort = () => {
      stream.close(constants.NGHTTP2_CANCEL)
      stream.destroy(signal.reason)
      reject(signal.reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    stream.on('error', err => {
      failure = err
    })
    stream.once('response', (responseHeaders: IncomingHttpHeaders & { ':status'?: number }) =>
      resolve({ status: responseHeaders[':status'] ?? 0, headers: responseHeaders, body: stream }),
    )
    stream.once('close', () => {
      signal.removeEventListener('abort', abort)
      // Without a number the stream never left this process; a refused one was not looked at (RFC 9113, 8.7).
      const isUnsent = stream.id === undefined || stream.rstCode === constants.NGHTTP2_REFUSED_STREAM
      reject(new NoAnswerError('The connection broke before the answer', { isUnsent, cause: failure }))
    })
    if (typeof body === 'string' || Buffer.isBuffer(body)) stream.end(body)
    else if (body) pipeline(body, stream, () => {})
  })
}

/** The whole body; rejects when it is cut short or larger than `bytesMax`. */
export async function readBody({ body }: Pick<ExchangeResponse, 'body'>, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bytesMax) {
      body.destroy()
      throw new Error(`Cannot read an answer of more than ${bytesMax} bytes`)
    }
    chunks.push(chunk)
  }
  if (wasCut(body)) throw new Error('The answer was cut short')
  return Buffer.concat(chunks, length)
}

/** A stream that was reset ends like a complete one as far as reading goes. */
export function wasCut(stream: ClientHttp2Stream): boolean {
  return stream.aborted || (stream.rstCode !== undefined && stream.rstCode !== constants.NGHTTP2_NO_ERROR)
}
