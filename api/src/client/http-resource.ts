import { apiVersionOf, type Kind } from '../kind.ts'
import type { KubernetesList, KubernetesObject } from '../meta.ts'
import type { DeleteOptions, ListOptions, Patch, ResourceClient, WatchEvent, WatchOptions, WriteOptions } from './client.ts'
import { type ExchangeResponse, wasCut } from './exchange.ts'
import { type Query, resourcePath } from './resource-path.ts'
import { unreachable } from './response-error.ts'
import { parseWatch } from './watch-stream.ts'

/** A typed request; see `HttpTransport`. */
export interface TypedRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  query?: Query
  body?: unknown
  contentType?: string
  signal?: AbortSignal | undefined
}

/** What typed calls are made of. */
export interface HttpTransport {
  /** The answer's JSON, within the deadline. */
  call(request: TypedRequest): Promise<unknown>
  /** The answer's body as it comes; the deadline holds for its beginning only. Must be released. */
  open(request: TypedRequest): Promise<ExchangeResponse & { release: () => void }>
}

const PATCH_TYPES: Record<Patch['type'], string> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
}

/** Calls on `kind` as requests of the Kubernetes API. What comes back is trusted to have the kind's shape. */
export function httpResource<T extends KubernetesObject>(kind: Kind<T>, transport: HttpTransport): ResourceClient<T> {
  const typeMeta = { apiVersion: apiVersionOf(kind), kind: kind.kind }
  const one = async (request: Parameters<HttpTransport['call']>[0]) => (await transport.call(request)) as T

  return {
    get: (target, { resourceVersion, signal } = {}) =>
      one({ method: 'GET', path: resourcePath(kind, target), query: { resourceVersion }, signal }),

    async list(options = {}) {
      const list = (await transport.call({
        method: 'GET',
        path: resourcePath(kind, { namespace: options.namespace }),
        query: listQuery(options),
        signal: options.signal,
      })) as KubernetesList<T>
      // A list says the kind of its items only once, and `null` for none at all.
      list.items ??= []
      for (const item of list.items) {
        item.apiVersion ??= typeMeta.apiVersion
        item.kind ??= typeMeta.kind
      }
      return list
    },

    watch: (options = {}) => watch(kind, transport, options),

    create: (object, options = {}) =>
      one({
        method: 'POST',
        path: options.subresource
          ? resourcePath(kind, object.metadata, options.subresource)
          : resourcePath(kind, { namespace: object.metadata.namespace }),
        query: writeQuery(options),
        body: { ...typeMeta, ...object },
        signal: options.signal,
      }),

    update: (object, options = {}) =>
      one({
        method: 'PUT',
        path: resourcePath(kind, object.metadata, options.subresource),
        query: writeQuery(options),
        body: { ...typeMeta, ...withoutOwners(object) },
        signal: options.signal,
      }),

    patch: (target, patch, options = {}) =>
      one({
        method: 'PATCH',
        path: resourcePath(kind, target, options.subresource),
        query: writeQuery(options),
        body: patch.body,
        contentType: PATCH_TYPES[patch.type],
        signal: options.signal,
      }),

    async delete(target, options = {}) {
      await transport.call({ method: 'DELETE', path: resourcePath(kind, target), body: deleteBody(options), signal: options.signal })
    },

    async deleteCollection(list, options = {}) {
      await transport.call({
        method: 'DELETE',
        path: resourcePath(kind, { namespace: list.namespace }),
        query: listQuery(list),
        body: deleteBody(options),
        signal: options.signal ?? list.signal,
      })
    },

    post: (target, subresource, body, { signal } = {}) =>
      transport.call({ method: 'POST', path: resourcePath(kind, target, subresource), body, signal }),
  }
}

async function* watch<T extends KubernetesObject>(
  kind: Kind<T>,
  transport: HttpTransport,
  { namespace, labelSelector, fieldSelector, resourceVersion, allowWatchBookmarks, timeoutSeconds, signal }: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, void> {
  const path = resourcePath(kind, { namespace })
  const query = {
    watch: '1',
    labelSelector,
    fieldSelector,
    resourceVersion,
    allowWatchBookmarks: allowWatchBookmarks || undefined,
    timeoutSeconds,
  }
  const { body, release } = await transport.open({ method: 'GET', path, query, signal })
  try {
    yield* parseWatch<T>(body as AsyncIterable<Buffer>)
    if (wasCut(body)) throw new Error('The stream was reset')
  } catch (err) {
    signal?.throwIfAborted()
    throw unreachable(`Watch of ${path}`, err)
  } finally {
    release()
    body.destroy()
  }
}

function listQuery({ labelSelector, fieldSelector, limit, continue: from, resourceVersion, resourceVersionMatch }: ListOptions): Query {
  return { labelSelector, fieldSelector, limit, continue: from, resourceVersion, resourceVersionMatch }
}

/** The server keeps who owns what by itself: as much again as many an object need not travel with every status. */
function withoutOwners<T extends KubernetesObject>(object: T): T {
  if (!object.metadata.managedFields) return object
  const { managedFields: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

function writeQuery({ dryRun, fieldManager, fieldValidation, force }: WriteOptions): Query {
  return { dryRun: dryRun ? 'All' : undefined, fieldManager, fieldValidation, force: force ? 'true' : undefined }
}

function deleteBody({ gracePeriodSeconds, propagationPolicy, preconditions, dryRun }: DeleteOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(preconditions && { preconditions }),
    ...(dryRun && { dryRun: ['All'] }),
  }
}
