/** The API server's socket: TLS with client certificates, HTTP/2 and HTTP/1.1 on one port, and what each request goes through. */

import { setMaxListeners } from 'node:events'
import type { Http2SecureServer } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { apiError, badRequest, GROUPS, unavailable } from '@davit/api'
import fastify, { type FastifyInstance } from 'fastify'
import type { User } from '../registry/index.ts'
import { checkAccess, needsBody } from './access.ts'
import { authenticate } from './authentication.ts'
import { APPLY_PATCH, mediaType, OBJECT_MEDIA_TYPES, parseAnyBody, unsupportedMediaType } from './body/parse-body.ts'
import { BODY_BYTES_MAX, readBody, SMALL_BODY_BYTES_MAX } from './body/read-body.ts'
import { impersonate } from './impersonate.ts'
import type { ApiServer, ApiServerOptions, HealthCheck, ServerCertificates } from './options.ts'
import { refuseUnreadable } from './refuse.ts'
import { type IsRemote, isLongRunning, parseRequestInfo, type RequestInfo, type ResourceInfo } from './request-info.ts'
import { kindLookup } from './resources/dispatch.ts'
import { type Reply, type Request, sendError, statusOf } from './respond.ts'
import { routeTable } from './routes.ts'
import { watchSlumber } from './slumber.ts'
import { REQUEST_MS_MAX, timeoutMsOf } from './timeout.ts'
import { handleUpgrades } from './upgrades.ts'
import { Visit } from './visit.ts'

const MEGABYTE = 1024 * 1024
const PATIENCE_MS = 10_000
const SHUTTING_DOWN = 'The API server is shutting down'

/** Starts listening; rejects when it cannot (port in use, no right to it). */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const { log, metrics, registry, signal, patienceMs = PATIENCE_MS } = options
  const stopping = new AbortController()
  const serving: ApiServerOptions = {
    ...options,
    checks: [...options.checks, shutdownCheck(stopping.signal)],
    signal: AbortSignal.any([signal, stopping.signal]),
  }
  // Every open watch listens to it.
  setMaxListeners(0, serving.signal)
  const app = createApp(options)
  const lookup = kindLookup(registry.kinds)
  const route = routeTable(serving, lookup)
  const isRemote: IsRemote = (group, version) => options.aggregation?.isRemote(group, version) ?? false
  const state = new Activity()
  const slumber = watchSlumber(options.clock, serving.signal)

  app.all('/*', async (request: Request, reply: Reply) => {
    const startedAt = performance.now()
    let info: RequestInfo | undefined
    state.begin()
    const onEnd = () => {
      state.end()
      record(info, reply.raw.statusCode, startedAt)
    }
    const visit = new Visit(request, reply, { lingerMs: patienceMs / 2, onEnd })
    try {
      if (state.closing) throw unavailable(SHUTTING_DOWN)
      info = parseRequestInfo(request.method, request.raw.url ?? '/', isRemote)
      const query = queryOf(request.raw.url ?? '/')
      const isLong = isLongRunning(info)
      const timeoutMs = isLong ? REQUEST_MS_MAX : timeoutMsOf(query)
      if (!isLong) visit.endAfter(timeoutMs)
      const confirm = async () => {
        await slumber.settled()
        visit.mustBeInTime()
        if (hasLeft(request)) throw badRequest('The client has left')
      }
      if (request.method !== 'GET') await confirm()
      // What is known at once is not waited for: most of a small answer's time would be promises.
      const caller = authenticate(request.raw, options.identity)
      const known = caller instanceof Promise ? await caller : caller
      const acting = impersonate(options.authorizer, known, request.raw.rawHeaders)
      const user = acting instanceof Promise ? await acting : acting
      // A watch takes a seat too, until it stands.
      const { verb, path, resource } = info
      const seat = !isLong || verb === 'watch' ? visit.takeSeat(options.flowControl, { user, verb, path, resource }, timeoutMs) : undefined
      if (seat) await seat
      const body = bodyReader(request, bodyMax(user, info, request.headers['content-type']))
      const judged = needsBody(user, info) ? parseAnyBody(await body(), request.headers['content-type']) : undefined
      const checked = checkAccess(options.authorizer, { user, info, query, body: judged })
      if (checked) await checked
      await route({ info, user, query, body, confirm, begun: visit.begun, request, reply })
    } catch (err) {
      // Whose time is over has been told.
      if (!visit.isLate) fail(reply, err, info)
    }
    return reply
  })

  const fail = (reply: Reply, err: unknown, info: RequestInfo | undefined) => {
    if (statusOf(err).code === 500) log.error({ err, verb: info?.verb, path: info?.path }, 'A request failed')
    if (!reply.sent && !reply.raw.headersSent) sendError(reply, err)
  }
  const record = (info: RequestInfo | undefined, code: number, startedAt: number) => {
    const { group = '', version = '', resource = '', subresource = '', namespace, name } = info?.resource ?? NOTHING
    // Only names that are served become labels: a client must not be able to make up series.
    const kind = lookup(group, version, resource)
    const known = kind !== undefined && (subresource === '' || (kind.subresources as readonly string[]).includes(subresource))
    const scope = !known ? '' : name !== undefined ? 'resource' : namespace !== undefined ? 'namespace' : 'cluster'
    metrics.observeRequest({
      verb: info?.verb ?? '',
      group: known ? group : '',
      version: known ? version : '',
      resource: known ? resource : '',
      subresource: known ? subresource : '',
      scope,
      code,
      seconds: (performance.now() - startedAt) / 1000,
    })
  }

  const connections = trackConnections(app.server)
  handleUpgrades(app.server, serving, lookup)
  await app.listen({ port: options.port, host: options.bindAddress })
  const { port } = app.server.address() as AddressInfo
  const beginShutdown = () => stopping.abort(unavailable(SHUTTING_DOWN))
  return {
    port,
    beginShutdown,
    close: async (graceMs = 5000) => {
      beginShutdown()
      state.closing = true
      const closed = app.close()
      await state.idle(graceMs)
      // What is left waits for a next request, or is busy beyond the grace.
      for (const socket of connections) socket.destroy()
      await closed
    },
  }
}

const NOTHING: Partial<ResourceInfo> = {}

type App = FastifyInstance<Http2SecureServer>

function createApp({ identity, log, patienceMs = PATIENCE_MS }: ApiServerOptions): App {
  const app = fastify({
    http2: true,
    // A session with only quiet watches is in use all the same.
    http2SessionTimeout: 0,
    https: {
      allowHTTP1: true,
      ...secureContext(identity.certificates()),
      requestCert: true,
      // Who comes without a certificate is anonymous, who comes with a wrong one is told so in a Status.
      rejectUnauthorized: false,
      maxSessionMemory: 256,
      settings: { initialWindowSize: MEGABYTE, maxConcurrentStreams: 1000 },
      handshakeTimeout: patienceMs,
      keepAlive: true,
      keepAliveInitialDelay: 15_000,
      noDelay: true,
    },
    // Bodies are read where they are judged; image archives stream without limit of their own.
    bodyLimit: Number.MAX_SAFE_INTEGER,
    requestTimeout: 0,
    // The route says so itself, as a Status.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 8192, ignoreTrailingSlash: false },
    frameworkErrors: (_error: Error, _request: unknown, reply: unknown) =>
      sendError(reply as Reply, badRequest('Cannot read the URL of the request')),
    clientErrorHandler: refuseUnreadable,
  } as never) as unknown as App
  // The server of HTTP/2 takes no such options for its HTTP/1.1; it looks at these when it begins to listen.
  Object.assign(app.server, { headersTimeout: patienceMs, connectionsCheckingInterval: patienceMs / 4 })
  // Connections that are open stay as they are; the next handshake is with the new.
  identity.onRenewal?.(() => app.server.setSecureContext(secureContext(identity.certificates())))
  app.removeAllContentTypeParsers()
  // Nothing is read here, nor is a strange media type refused: the handler knows what it takes.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  const notAllowed = (reply: Reply) =>
    sendError(reply, apiError('MethodNotAllowed', 'the server does not allow this method on the requested resource'))
  app.setErrorHandler((err, _request, reply) => {
    const code = (err as { statusCode?: number }).statusCode
    // All paths lead to one route, so what is not found is the method.
    if (code === 404) return notAllowed(reply)
    if (code === 415) return sendError(reply, unsupportedMediaType(OBJECT_MEDIA_TYPES))
    if (code !== undefined && code < 500) return sendError(reply, badRequest((err as Error).message))
    log.error({ err }, 'A request failed before it was routed')
    sendError(reply, err)
  })
  app.setNotFoundHandler((_request, reply) => notAllowed(reply))
  app.server.on('session', session => {
    session.setLocalWindowSize?.(8 * MEGABYTE)
    session.on('error', () => {})
  })
  return app
}

function secureContext({ certificateAuthority, certificate, key }: ServerCertificates): SecureContextOptions {
  return { ca: certificateAuthority, cert: certificate, key, minVersion: 'TLSv1.2' }
}

/** Requests under way. */
class Activity {
  closing = false
  #count = 0
  #wake: (() => void) | undefined

  begin(): void {
    this.#count++
  }

  end(): void {
    if (--this.#count === 0) this.#wake?.()
  }

  /** Resolves once none is under way, at the latest after `ms`. */
  idle(ms: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise(resolve => {
      const timer = setTimeout(resolve, ms)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Kinds that everybody may create who is somebody. */
const GROUPS_FOR_ALL = ['authentication.k8s.io', 'authorization.k8s.io']

/**
 * Nobody need send much who may write nothing, and YAML takes its time: no stranger's body may keep others waiting. Where a role decides,
 * a body is read only after it has. What is applied is YAML by its name and mostly JSON: it is judged when that is known.
 */
function bodyMax({ groups }: User, { resource }: RequestInfo, contentType: string | undefined): number {
  if (groups.includes(GROUPS.masters)) return BODY_BYTES_MAX
  if (groups.includes(GROUPS.unauthenticated)) return SMALL_BODY_BYTES_MAX
  const type = mediaType(contentType)
  if (!type.endsWith('yaml') || type === APPLY_PATCH) return BODY_BYTES_MAX
  const byRole = resource !== undefined && !GROUPS_FOR_ALL.includes(resource.group) && !groups.includes(GROUPS.nodes)
  return byRole ? MEGABYTE : SMALL_BODY_BYTES_MAX
}

function bodyReader({ raw, headers }: Request, max: number): () => Promise<Buffer> {
  let read: Promise<Buffer> | undefined
  return () => {
    read ??= readBody(raw, headers['content-length'], max)
    return read
  }
}

/** Whether the client has ended the request, or the connection, before it was answered. */
function hasLeft({ raw }: Request): boolean {
  return raw.stream ? raw.stream.closed : raw.socket.destroyed
}

/** Nobody changes a query. */
const NO_QUERY = new URLSearchParams()

function queryOf(url: string): URLSearchParams {
  const question = url.indexOf('?')
  return question < 0 ? NO_QUERY : new URLSearchParams(url.slice(question + 1))
}

function trackConnections(server: Http2SecureServer): Set<Socket> {
  const connections = new Set<Socket>()
  // A connection may break at any time, also when nobody listens to it any more; that ends nothing but itself.
  const ignore = () => {}
  server.on('connection', (socket: Socket) => socket.on('error', ignore))
  server.on('secureConnection', socket => {
    connections.add(socket)
    socket.on('error', ignore)
    socket.once('close', () => connections.delete(socket))
  })
  // A handshake that fails is the client's affair; one that takes too long does not end by itself.
  server.on('tlsClientError', (_error, socket) => socket.on('error', ignore).destroy())
  return connections
}

function shutdownCheck(signal: AbortSignal): HealthCheck {
  return {
    name: 'shutdown',
    check: () => {
      if (signal.aborted) throw new Error('process is shutting down')
    },
  }
}
