/** What the agent answers inside a tunnel. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type Clock, type Logger, TUNNEL_PATHS, unavailable } from '@davit/api'
import type { Docker } from './docker/index.ts'
import type { ServiceProxy } from './network/index.ts'
import type { PodViews } from './pods/index.ts'

export interface TunnelHandlerOptions {
  readonly docker: Docker
  readonly pods: PodViews
  readonly proxy: ServiceProxy
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export function tunnelHandler({
  proxy,
  log,
  signal,
}: TunnelHandlerOptions): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const answer = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const url = new URL(headers[':path'] ?? '/', 'http://agent')
    if (url.pathname === TUNNEL_PATHS.ping) return end(stream, 204)
    if (url.pathname === TUNNEL_PATHS.barrier) {
      await proxy.reached(url.searchParams.get('resourceVersion') ?? '', signal)
      return end(stream, 204)
    }
    const { status } = unavailable(`this agent does not serve "${url.pathname}" yet`)
    return end(stream, 501, JSON.stringify(status))
  }
  return (stream, headers) => {
    answer(stream, headers).catch((err: unknown) => {
      log.warn({ err, path: headers[':path'] }, 'Cannot answer a request of the control plane')
      stream.close()
    })
  }
}

function end(stream: ServerHttp2Stream, status: number, body = ''): void {
  if (stream.destroyed) return
  stream.respond({ ':status': status, ...(body && { 'content-type': 'application/json' }) })
  stream.end(body)
}
