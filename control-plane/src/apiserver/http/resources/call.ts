import { apiError, type Kind } from '@davit/api'
import type { Registry, User } from '../../registry/index.ts'
import type { ApiServerOptions } from '../options.ts'
import type { ResourceInfo } from '../request-info.ts'
import type { Reply, Request } from '../respond.ts'

/** One request for a resource, whose user may make it. */
export interface ResourceCall {
  readonly verb: string
  readonly kind: Kind
  readonly resource: ResourceInfo
  readonly user: User
  readonly query: URLSearchParams
  /** The request's body, read on first use. Throws RequestEntityTooLarge. */
  readonly body: () => Promise<Buffer>
  readonly request: Request
  readonly reply: Reply
}

/** What handlers need from outside. */
export interface Handlers extends Pick<ApiServerOptions, 'streams' | 'clock' | 'log' | 'metrics' | 'signal'> {
  readonly registry: Registry
}

/** The target named in the path. */
export function targetOf({ resource, kind }: ResourceCall): { name: string; namespace?: string } {
  const name = resource.name ?? ''
  return kind.namespaced && resource.namespace !== undefined ? { name, namespace: resource.namespace } : { name }
}

/** The namespace a list, watch or create is for; undefined for all, or a kind of the whole cluster. */
export function namespaceOf({ resource, kind }: ResourceCall): string | undefined {
  return kind.namespaced ? resource.namespace : undefined
}

export function methodNotAllowed(): Error {
  return apiError('MethodNotAllowed', 'the server does not allow this method on the requested resource')
}

export function resourceNotFound(): Error {
  return apiError('NotFound', 'the server could not find the requested resource')
}

/** Aborts when the client goes away before the answer ends, or the server shuts down. */
export function signalOf(request: Request, serverSignal: AbortSignal): AbortSignal {
  const gone = new AbortController()
  const { raw } = request
  const socket = 'stream' in raw && raw.stream ? raw.stream : raw.socket
  socket.once('close', () => gone.abort(apiError('BadRequest', 'The client closed the connection')))
  if (socket.destroyed) gone.abort(apiError('BadRequest', 'The client closed the connection'))
  return AbortSignal.any([gone.signal, serverSignal])
}
