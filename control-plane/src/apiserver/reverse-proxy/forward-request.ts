/** One HTTP request passed on over a connection of its own, and its answer back: both streamed, neither kept. */
import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import { requestHeaders, responseHeaders } from './headers.ts'

/** Where requests go. */
export interface Backend {
  /** A connection that speaks HTTP/1.1; ends when the signal aborts. */
  connect(signal: AbortSignal): Promise<Duplex>
  /** Path and query. */
  readonly path: string
  /** Instead of, and besides, what the client sent. */
  readonly headers?: OutgoingHttpHeaders
}

/** An answer as it is to go back. */
export interface Answer {
  readonly headers: OutgoingHttpHeaders
  readonly body: Readable
}

export interface Forwarding {
  readonly backend: Backend
  /** Changes the answer on its way; default: as it is. */
  readonly rewrite?: (headers: OutgoingHttpHeaders, response: IncomingMessage) => Answer
  /** Of a body that was already read; otherwise it is streamed. */
  readonly body?: Buffer
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal
}

/**
 * Answers the client with whatever the backend answers; an answer that breaks off is cut off for the client as well. Throws only before
 * anything was written: what `connect` throws, or why the backend did not answer. Has no deadline for the answer: it may be a stream.
 */
export async function forwardRequest(request: IncomingMessage, response: ServerResponse, forwarding: Forwarding): Promise<void> {
  const { backend, signal, rewrite = (headers, body) => ({ headers, body }) } = forwarding
  const connection = await backend.connect(signal)
  let answered: IncomingMessage
  try {
    answered = await ask(request, connection, forwarding)
  } catch (err) {
    connection.destroy()
    request.resume()
    throw signal.aborted ? signal.reason : err
  }
  const cut = () => {
    connection.destroy()
    cutOff(response)
  }
  // Whatever ends the answer early ends the connection, and the other way round.
  response.once('close', () => {
    connection.destroy()
    // What the backend did not read must not stand before the client's next request.
    request.resume()
  })
  try {
    const { headers, body } = rewrite(responseHeaders(answered.headers), answered)
    response.writeHead(answered.statusCode ?? 502, headers)
    response.flushHeaders()
    answered.once('error', cut)
    connection.once('error', () => {
      if (!isWhole(answered)) cut()
    })
    body.once('error', cut)
    body.pipe(response)
  } catch (err) {
    connection.destroy()
    throw err
  }
}

function ask(request: IncomingMessage, connection: Duplex, { backend, body }: Forwarding): Promise<IncomingMessage> {
  const hasBody = body ? body.length > 0 : bodyFollows(request)
  const headers = { ...requestHeaders({ headers: request.headers, address: request.socket.remoteAddress }), ...backend.headers }
  // It was answered by the server that reads the body.
  delete headers.expect
  if (body) headers['content-length'] = body.length
  else if (hasBody && headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked'
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ method: request.method ?? 'GET', path: backend.path, headers, createConnection: () => connection })
    asked.once('response', resolve)
    // Also for an answer that came before the whole body went.
    asked.on('error', reject)
    // Nobody asked for it.
    asked.once('upgrade', () => reject(new Error('the backend switched protocols')))
    connection.once('close', () => reject(new Error('EOF')))
    if (body) asked.end(body)
    else if (hasBody) {
      request.once('error', () => asked.destroy())
      request.pipe(asked)
    } else asked.end()
  })
}

/** Whether all of an answer is there. Without a length the parser takes a connection that broke for the end of it. */
function isWhole(answered: IncomingMessage): boolean {
  const { complete, headers } = answered
  const hasEnd = !hasBody(answered) || headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
  return complete && hasEnd
}

/** Whether an answer has a body, if an empty one (RFC 9112, 6.3). */
export function hasBody({ statusCode, req }: IncomingMessage & { req?: { method?: string } }): boolean {
  return req?.method !== 'HEAD' && statusCode !== 204 && statusCode !== 304
}

function bodyFollows(request: IncomingMessage): boolean {
  const { stream } = request as unknown as { stream?: { endAfterHeaders: boolean } }
  if (stream) return !stream.endAfterHeaders
  return request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
}

/** After the head there is no other way to say that something went wrong. */
function cutOff(response: ServerResponse): void {
  const { stream } = response as unknown as { stream?: { destroy(error: Error): void } }
  if (stream) stream.destroy(new Error('The answer broke off'))
  else response.destroy()
}
