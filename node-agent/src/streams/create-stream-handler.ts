/** What the agent serves inside its tunnels (`TUNNEL_PATHS`): from a request to its handler, and from an error to its Status. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { ApiError, apiError, badRequest, type Clock, type Logger, TUNNEL_PATHS } from '@davit/api'
import type { Docker } from '../docker/index.ts'
import { serveAttach, serveExec } from './command.ts'
import { serveDial } from './dial.ts'
import type { PodContainers } from './find-container.ts'
import { serveImages } from './images.ts'
import { serveLog } from './log.ts'
import { type PortDialers, startPortDialers } from './port-dialers.ts'
import { servePortForward } from './port-forward.ts'

export interface StreamHandlerOptions {
  readonly docker: Docker
  readonly containers: PodContainers
  /** Resolves once all data planes of this node stand at that EndpointSlice version; rejects when the signal aborts. */
  readonly reached: (resourceVersion: string, signal: AbortSignal) => Promise<void>
  /** What the agent says of itself under a path such as `stats/summary`; throws ApiError for others. */
  readonly nodePage: (path: string, query: URLSearchParams) => Promise<{ contentType: string; text: string }>
  readonly clock: Clock
  readonly log: Logger
  /** Ends helpers when it aborts; streams end with their tunnels. */
  readonly signal: AbortSignal
}

/** One request of the control plane. */
export interface StreamRequest {
  readonly stream: ServerHttp2Stream
  readonly query: URLSearchParams
  /** What follows the route, decoded: namespace, pod, uid, container. */
  readonly names: readonly string[]
  /** Aborts when the control plane, or whoever it acts for, goes away. */
  readonly gone: AbortSignal
}

export interface StreamContext extends StreamHandlerOptions {
  readonly dialers: PortDialers
}

type Serve = (context: StreamContext, request: StreamRequest) => Promise<void>

interface Route {
  readonly method: string
  readonly serve: Serve
}

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  [TUNNEL_PATHS.log, { method: 'GET', serve: serveLog }],
  [TUNNEL_PATHS.exec, { method: 'POST', serve: serveExec }],
  [TUNNEL_PATHS.attach, { method: 'POST', serve: serveAttach }],
  [TUNNEL_PATHS.portforward, { method: 'POST', serve: servePortForward }],
  [TUNNEL_PATHS.dial, { method: 'POST', serve: serveDial }],
  [TUNNEL_PATHS.barrier, { method: 'GET', serve: serveBarrier }],
  [TUNNEL_PATHS.images, { method: 'PUT', serve: serveImages }],
  [TUNNEL_PATHS.node, { method: 'GET', serve: serveNode }],
  [TUNNEL_PATHS.ping, { method: 'GET', serve: async (_context, { stream }) => answerEmpty(stream) }],
])

/** Gives the handler of a tunnel's HTTP/2 streams. It never throws; every stream it was given ends. */
export function createStreamHandler(options: StreamHandlerOptions): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const context: StreamContext = { ...options, dialers: startPortDialers(options) }
  return (stream, headers) => {
    const gone = new AbortController()
    stream.on('error', () => {})
    stream.once('close', () => gone.abort(new Error('The control plane closed the stream')))
    route(context, { stream, headers, gone: gone.signal }).catch(err => {
      const { code } = statusOf(err)
      if (code === 500 && !gone.signal.aborted && !stream.headersSent)
        options.log.error({ err, path: headers[':path'] }, 'Cannot serve a request of the control plane')
      fail(stream, err)
    })
  }
}

interface RawRequest {
  readonly stream: ServerHttp2Stream
  readonly headers: IncomingHttpHeaders
  readonly gone: AbortSignal
}

async function route(context: StreamContext, { stream, headers, gone }: RawRequest): Promise<void> {
  const url = new URL(String(headers[':path'] ?? '/'), 'http://agent')
  const [, first = '', ...rest] = url.pathname.split('/')
  const found = ROUTES.get(`/${first}`)
  if (!found) throw apiError('NotFound', 'the server could not find the requested resource')
  if (found.method !== headers[':method'])
    throw apiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
  await found.serve(context, { stream, gone, query: url.searchParams, names: rest.map(decodeURIComponent) })
}

async function serveBarrier({ reached }: StreamContext, { stream, query, gone }: StreamRequest): Promise<void> {
  const resourceVersion = query.get('resourceVersion') ?? ''
  if (!/^\d+$/.test(resourceVersion)) throw badRequest(`Invalid resourceVersion ${JSON.stringify(resourceVersion)}, wanted a number`)
  await reached(resourceVersion, gone)
  answerEmpty(stream)
}

async function serveNode({ nodePage }: StreamContext, { stream, query, names }: StreamRequest): Promise<void> {
  const { contentType, text } = await nodePage(names.join('/'), query)
  if (stream.destroyed) return
  stream.respond({ ':status': 200, 'content-type': contentType })
  stream.end(text)
}

function answerEmpty(stream: ServerHttp2Stream): void {
  if (!stream.destroyed) stream.respond({ ':status': 204 }, { endStream: true })
}

function fail(stream: ServerHttp2Stream, err: unknown): void {
  if (stream.destroyed || stream.closed) return
  if (stream.headersSent) {
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  const status = statusOf(err)
  stream.respond({ ':status': status.code, 'content-type': 'application/json' })
  stream.end(JSON.stringify(status))
}

function statusOf(err: unknown): ApiError['status'] {
  if (err instanceof ApiError) return err.status
  return apiError('InternalError', err instanceof Error ? err.message : String(err)).status
}
