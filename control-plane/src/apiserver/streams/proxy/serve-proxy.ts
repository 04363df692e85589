/** The proxy subresources: requests and connections that leave HTTP are passed on to what a pod, Service or node serves. */
import { ApiError, badRequest, type Kind, unavailable } from '@davit/api'
import { connectTls, type Dialer, type Lookups, type Place } from '../../dial/index.ts'
import type { ProxyCall, ProxyExchange } from '../../http/index.ts'
import type { Registry } from '../../registry/index.ts'
import { type Backend, type ClientConnection, forwardRequest, forwardUpgrade, rewriting } from '../../reverse-proxy/index.ts'
import { findBackend, type Get } from './find-backend.ts'

export interface ProxyOptions {
  readonly registry: Registry
  readonly lookups: Lookups
  readonly dialer: Dialer
}

/** Throws ApiError as long as nothing was written. */
export async function serveProxy(options: ProxyOptions, call: ProxyCall, exchange: ProxyExchange, signal: AbortSignal): Promise<void> {
  const { request, response, body } = exchange
  const { backend, place } = await backendOf(options, call, request.url ?? '/', signal)
  const [path = ''] = (request.url ?? '').split('?')
  const prefix = path.slice(0, path.length - call.path.length)
  const hosts = [hostOf(place), request.headers.host ?? String(request.headers[':authority'] ?? '')]
  const rewrite = rewriting({ hosts, prefix })
  const forwarding = { backend, rewrite, signal, ...(body && { body }) }
  await forwardRequest(request, response, forwarding).catch(err => {
    throw signal.aborted ? err : unreachable(err)
  })
}

/** Throws ApiError as long as nothing was written. */
export async function serveProxyUpgrade(options: ProxyOptions, call: ProxyCall, connection: ClientConnection): Promise<void> {
  const { backend } = await backendOf(options, call, connection.request.url ?? '/')
  await forwardUpgrade(connection, backend).catch(err => {
    throw unreachable(err)
  })
}

async function backendOf(
  { registry, lookups, dialer }: ProxyOptions,
  call: ProxyCall,
  url: string,
  signal?: AbortSignal,
): Promise<{ backend: Backend; place: Place }> {
  const get: Get = async (kind, target) => {
    const { object } = await registry.get({ user: call.user, ...(signal && { signal }) }, kind as unknown as Kind, target)
    return object as never
  }
  const { scheme, places } = await findBackend({ get, lookups }, call)
  const place = places[Math.floor(Math.random() * places.length)]
  if (!place) throw badRequest('there is nowhere to go')
  const question = url.indexOf('?')
  const path = `${call.path || '/'}${question < 0 ? '' : url.slice(question)}`
  const backend: Backend = {
    path,
    headers: { 'x-forwarded-uri': question < 0 ? url : url.slice(0, question) },
    connect: async gone => {
      const connection = await dialer.dial(place, gone)
      // Pods' certificates are for no name that is known here; Kubernetes does not look at them either.
      return scheme === 'https' ? connectTls(connection, { insecure: true }, gone) : connection
    },
  }
  return { backend, place }
}

function hostOf({ address, port }: Place): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** What an operator looks for in the message. */
function unreachable(err: unknown): ApiError {
  const why = err instanceof Error ? err.message : String(err)
  if (err instanceof ApiError && err.status.code !== 503) return err
  return unavailable(`error trying to reach service: ${why}`)
}
