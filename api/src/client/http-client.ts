import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http2'
import type { Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import { type Clock, systemClock } from '../clock.ts'
import type { Logger } from '../reconcile/run-controller.ts'
import { apiError } from '../status.ts'
import type { Client } from './client.ts'
import { Connection, type Credentials } from './connection.ts'
import { startDeadline } from './deadline.ts'
import { type ExchangeRequest, type ExchangeResponse, exchange, NoAnswerError, readBody } from './exchange.ts'
import { type HttpTransport, httpResource, type TypedRequest } from './http-resource.ts'
import { type Query, withQuery } from './resource-path.ts'
import { responseError, unreachable } from './response-error.ts'
import { openWebSocket } from './web-socket.ts'

export interface HttpClientOptions {
  /** `https://host:port`, one or more; all of one cluster. One is used as long as it serves, then another. */
  servers: readonly string[]
  /** Try the servers in the order given; left out: by chance, so that clients spread over them. */
  inOrder?: boolean
  /** PEM; nothing else is trusted. */
  certificateAuthority: string
  /** PEM of a client certificate and its key. */
  certificate?: string
  key?: string
  /** Sent as bearer token. */
  token?: string
  userAgent?: string
  clock?: Clock
  log?: Logger
}

export interface RawRequest {
  method: string
  path: string
  query?: Query
  headers?: OutgoingHttpHeaders
  /** A stream is sent once and never again. */
  body?: Buffer | string | Readable
  signal?: AbortSignal
}

export interface RawResponse {
  status: number
  headers: IncomingHttpHeaders
  /** Must be read or destroyed. */
  body: Readable
}

export interface HttpClient extends Client {
  /**
   * Any request; resolves with the headers whatever the status, and has no deadline. Rejects with ServiceUnavailable when there
   * is no answer. Aborting ends the body too.
   */
  raw(request: RawRequest): Promise<RawResponse>
  /** Resolves once open: add listeners before the next turn of the loop. Rejects with the server's Status. */
  openWebSocket(path: string, query: Query, protocols: readonly string[], options?: WebSocketOptions): Promise<WebSocket>
  /** Those it knows, the one in use (or to be tried next) first. */
  readonly servers: readonly string[]
  /** The cluster's servers are others now; an empty list changes nothing, nor does this what is under way. */
  setServers(servers: readonly string[]): void
  /** New requests go out with these; those under way end on the connection they have. */
  renew(credentials: Credentials): void
  /** Ends the session and everything on it. */
  close(): void
}

export interface WebSocketOptions {
  signal?: AbortSignal
  /** One server in particular; left out: any. */
  server?: string
}

const CALL_MS_MAX = 30_000
const BODY_BYTES_MAX = 512 << 20
const ERROR_BYTES_MAX = 1 << 20
const RETRIES_AFTER_MAX = 3
const RETRY_AFTER_MS_MAX = 10_000
const ATTEMPTS_MAX = 3

/** A client over HTTPS. It connects with the first call, and again whenever needed until `close`. */
export function connectHttp(options: HttpClientOptions): HttpClient {
  const { servers, inOrder = false, certificateAuthority, certificate, key, token, userAgent = 'davit', clock = systemClock, log } = options
  const credentials = { certificateAuthority, ...(certificate && { certificate }), ...(key && { key }) }
  const connection = new Connection({ servers, inOrder, credentials, clock, ...(log && { log }) })
  const ownHeaders = { 'user-agent': userAgent, ...(token && { authorization: `Bearer ${token}` }) }

  /** Sends until there is an answer, as far as sending again can do no harm. */
  const send = async (request: ExchangeRequest): Promise<ExchangeResponse> => {
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    const canResend = request.body === undefined || typeof request.body === 'string' || Buffer.isBuffer(request.body)
    for (let attempt = 1; ; attempt++) {
      try {
        const session = await untilAborted(connection.acquire(), request.signal)
        const response = await connection.awaiting(exchange(session, request))
        if (isAway(response)) connection.leave(session)
        return response
      } catch (err) {
        request.signal.throwIfAborted()
        const again = err instanceof NoAnswerError && canResend && attempt < ATTEMPTS_MAX && (isRead || err.isUnsent)
        if (again) continue
        throw unreachable(`${request.method} ${request.path}`, err)
      }
    }
  }

  /** Sends again when the server asks for it, but not for ever. */
  const sendPatiently = async (request: ExchangeRequest): Promise<ExchangeResponse> => {
    for (let retries = 0; ; retries++) {
      const response = await send(request)
      if (response.status < 400) return response
      const error = responseError(response.status, await readAnswer(response, ERROR_BYTES_MAX, request))
      const delayMs = retryDelayMs(response)
      if (delayMs === undefined || retries === RETRIES_AFTER_MAX) throw error
      const hasOther = isAway(response) && retries < connection.servers.length - 1
      if (!hasOther) await clock.sleep(delayMs, request.signal)
    }
  }

  const toExchange = ({ method, path, query, body, contentType }: TypedRequest, signal: AbortSignal): ExchangeRequest => ({
    method,
    path: withQuery(path, query),
    headers: {
      ...ownHeaders,
      accept: 'application/json',
      ...(body !== undefined && { 'content-type': contentType ?? 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  })

  const transport: HttpTransport = {
    async call(request) {
      const deadline = startDeadline(`${request.method} ${request.path}`, CALL_MS_MAX, { clock, signal: request.signal })
      try {
        const sent = toExchange(request, deadline.signal)
        const response = await sendPatiently(sent)
        const body = await readAnswer(response, BODY_BYTES_MAX, sent)
        return body.length > 0 ? parseJson(body, sent) : undefined
      } finally {
        deadline.release()
      }
    },
    async open(request) {
      const deadline = startDeadline(`${request.method} ${request.path}`, CALL_MS_MAX, { clock, signal: request.signal })
      try {
        const response = await sendPatiently(toExchange(request, deadline.signal))
        deadline.lift()
        return { ...response, release: deadline.release }
      } catch (err) {
        deadline.release()
        throw err
      }
    },
  }

  return {
    resource: kind => httpResource(kind, transport),
    async raw({ method, path, query, headers, body, signal = new AbortController().signal }) {
      return send({ method, path: withQuery(path, query), headers: { ...ownHeaders, ...headers }, body, signal })
    },
    async openWebSocket(path, query, protocols, { server, signal } = {}) {
      const target = withQuery(path, query)
      // A WebSocket has a connection of its own: first it is made sure that the first server is one that answers.
      if (!server) await untilAborted(connection.acquire(), signal ?? new AbortController().signal).catch(() => {})
      return openWebSocket({
        servers: server ? [server] : connection.servers,
        path: target,
        protocols,
        credentials: connection.credentials,
        headers: ownHeaders,
        ...(signal && { signal }),
      })
    },
    get servers() {
      return connection.servers
    },
    setServers: renewed => connection.setServers(renewed),
    renew: renewed => connection.renew(renewed),
    close: () => connection.close(),
  }
}

async function readAnswer(response: ExchangeResponse, bytesMax: number, { method, path, signal }: ExchangeRequest): Promise<Buffer> {
  try {
    return await readBody(response, bytesMax)
  } catch (err) {
    signal.throwIfAborted()
    throw unreachable(`${method} ${path}`, err)
  }
}

function parseJson(body: Buffer, { method, path }: ExchangeRequest): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw apiError('InternalError', `${method} ${path} was answered with something other than JSON`, undefined, { cause })
  }
}

/** The server itself is of no use now, so it has not acted on the request; a refusal of other kinds does not ask for a retry. */
function isAway({ status, headers }: ExchangeResponse): boolean {
  return status === 503 && headers['retry-after'] !== undefined
}

function retryDelayMs({ status, headers }: ExchangeResponse): number | undefined {
  if (status !== 429 && status !== 503) return undefined
  const seconds = Number.parseInt(String(headers['retry-after']), 10)
  return seconds >= 0 ? Math.min(seconds * 1000, RETRY_AFTER_MS_MAX) : undefined
}

function untilAborted<R>(promise: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
