/** A user's request passed on to the server behind an APIService, with who the user is. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError, deadlineSignal, unavailable } from '@davit/api'
import type { User } from '../registry/types.ts'
import { type Backend, forwardRequest, forwardUpgrade } from '../reverse-proxy/index.ts'
import { connectTo, type RemoteServers, serverNameOf } from './remote-server.ts'
import type { RemoteApi, RemoteExchange } from './types.ts'
import { userHeaders } from './user-headers.ts'

export async function serveRemote(remote: RemoteApi, servers: RemoteServers, exchange: RemoteExchange, signal: AbortSignal): Promise<void> {
  const { user, request, response, body, timeoutMs } = exchange
  const ends = timeoutMs === undefined ? signal : deadlineSignal(timeoutMs, signal)
  const forwarding = { backend: backendOf(remote, servers, user, request), signal: ends, rewrite: withoutRedirect, ...(body && { body }) }
  await forwardRequest(request, response, forwarding).catch(err => {
    throw signal.aborted ? err : unreachable(err)
  })
}

export interface RemoteConnection {
  readonly user: User
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export async function serveRemoteUpgrade(remote: RemoteApi, servers: RemoteServers, connection: RemoteConnection): Promise<void> {
  await forwardUpgrade(connection, backendOf(remote, servers, connection.user, connection.request)).catch(err => {
    throw unreachable(err)
  })
}

function backendOf(remote: RemoteApi, servers: RemoteServers, user: User, request: IncomingMessage): Backend {
  return {
    path: request.url ?? '/',
    headers: { host: serverNameOf(remote), ...userHeaders(user) },
    connect: signal => connectTo(remote, servers, signal),
  }
}

/** A server that speaks for this one must not send its clients elsewhere with their credentials. */
function withoutRedirect<H>(headers: H, response: IncomingMessage): { headers: H; body: IncomingMessage } {
  const { statusCode = 0 } = response
  if (statusCode >= 300 && statusCode < 400 && response.headers.location !== undefined)
    throw unavailable('the backend attempted to redirect this request, which is not permitted')
  return { headers, body: response }
}

function unreachable(err: unknown): ApiError {
  if (err instanceof ApiError) return err.status.code === 503 ? err : unavailable(err.message)
  return unavailable(`error trying to reach service: ${err instanceof Error ? err.message : String(err)}`)
}
