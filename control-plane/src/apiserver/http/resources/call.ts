import { apiError, type Kind } from '@davit/api'
import type { Registry, User } from '../../registry/index.ts'
import type { Reviews } from '../../reviews/index.ts'
import type { ApiServerOptions } from '../options.ts'
import type { ResourceInfo } from '../request-info.ts'
import type { Reply, Request } from '../respond.ts'

/** One request, whose user may make it. */
export interface RequestCall {
  readonly user: User
  readonly query: URLSearchParams
  /** The request's body, read on first use. Throws RequestEntityTooLarge. */
  readonly body: () => Promise<Buffer>
  /** Awaited right before anything is written; rejects when the client has left. */
  readonly confirm: () => Promise<void>
  /** Called once an answer that goes on has begun: what it took to begin is for others from then on. */
  readonly begun: () => void
  readonly request: Request
  readonly reply: Reply
}

/** One for a resource. */
export interface ResourceCall extends RequestCall {
  readonly verb: string
  readonly kind: Kind
  readonly resource: ResourceInfo
}

/** What handlers need from outside. */
export interface Handlers
  extends Pick<ApiServerOptions, 'authorizer' | 'awaitKind' | 'streams' | 'clock' | 'log' | 'metrics' | 'patienceMs' | 'signal'> {
  readonly registry: Registry
  readonly reviews: Reviews
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

/**
 * Aborts when the client goes away before the answer ends; with `serverSignal`, for answers that go on until somebody ends them,
 * also when the server shuts down. (Not by `AbortSignal.any`: nothing of a request may stay with a signal that outlives it.)
 */
export function lifetimeOf(reply: Reply, serverSignal?: AbortSignal): AbortController {
  const lifetime = new AbortController()
  const gone = () => lifetime.abort(apiError('BadRequest', 'The client closed the connection'))
  const stopped = () => lifetime.abort(serverSignal?.reason)
  const { signal } = lifetime
  // Comes too once the answer has ended, when nobody listens any more.
  reply.raw.once('close', gone)
  signal.addEventListener('abort', () => serverSignal?.removeEventListener('abort', stopped), { once: true })
  serverSignal?.addEventListener('abort', stopped, { once: true })
  if (isGone(reply)) gone()
  if (serverSignal?.aborted) stopped()
  return lifetime
}

function isGone({ raw }: Reply): boolean {
  const response = raw as { destroyed?: boolean; stream?: { destroyed: boolean }; socket?: { destroyed: boolean } | null }
  return response.destroyed === true || (response.stream ?? response.socket)?.destroyed === true
}
