/** The client of the API for what runs in the control plane's own process: straight to the registry, without HTTP. */
import {
  apiVersionOf,
  type CallOptions,
  type Client,
  type DeleteOptions,
  deadlineSignal,
  type Kind,
  type KubernetesList,
  type KubernetesObject,
  type ListOptions,
  type ResourceClient,
  type WatchEvent,
  type WatchOptions,
  type WriteOptions,
} from '@davit/api'
import type { StorageEvent } from '../../storage/types.ts'
import type { DeletionRequest, Registry, RequestContext, User, WatchParameters } from './types.ts'

/** What the fields belong to that controllers set, as those of Kubernetes belong to `kube-controller-manager`. */
const CONTROLLERS = 'davit-controller-manager'

/** Acts as `user`; nothing is authorized here. Objects are the cache's own: frozen. */
export function createInProcessClient(registry: Registry, user: User): Client {
  return {
    resource: <T extends KubernetesObject>(kind: Kind<T>) => createResourceClient<T>(registry, user, kind as unknown as Kind),
  }
}

function createResourceClient<T extends KubernetesObject>(registry: Registry, user: User, kind: Kind): ResourceClient<T> {
  const read = ({ signal }: CallOptions = {}): RequestContext => ({ user, ...(signal && { signal }) })
  const write = ({ signal, dryRun, fieldManager = CONTROLLERS, force, fieldValidation }: WriteOptions = {}): RequestContext => ({
    user,
    fieldManager,
    ...(signal && { signal }),
    ...(dryRun && { dryRun }),
    ...(force && { force }),
    ...(fieldValidation && { fieldValidation }),
  })
  return {
    async get(target, options = {}) {
      options.signal?.throwIfAborted()
      const { resourceVersion } = options
      const stored = await registry.get(read(options), kind, target, resourceVersion === undefined ? {} : { resourceVersion })
      return stored.object as T
    },
    async list(options = {}) {
      options.signal?.throwIfAborted()
      const { items, revision, continue: next, remainingItemCount } = await registry.list(read(options), kind, options)
      return {
        apiVersion: apiVersionOf(kind),
        kind: `${kind.kind}List`,
        metadata: {
          resourceVersion: String(revision),
          ...(next && { continue: next }),
          ...(remainingItemCount !== undefined && { remainingItemCount }),
        },
        items: items.map(({ object }) => object as T),
      } satisfies KubernetesList<T>
    },
    watch: (options = {}) => watch<T>(registry, user, kind, options),
    async create(object, options = {}) {
      options.signal?.throwIfAborted()
      return (await registry.create(write(options), kind, object.metadata.namespace, object)).object as T
    },
    async update(object, options = {}) {
      options.signal?.throwIfAborted()
      const { name = '', namespace } = object.metadata
      const target = { name, ...(namespace !== undefined && { namespace }) }
      return (await registry.update(write(options), kind, target, object, options.subresource)).object as T
    },
    async patch(target, patch, options = {}) {
      options.signal?.throwIfAborted()
      return (await registry.patch(write(options), kind, target, patch, options.subresource)).object as T
    },
    async delete(target, options = {}) {
      options.signal?.throwIfAborted()
      await registry.delete(write(options), kind, target, deletionOf(options))
    },
    async deleteCollection(list: ListOptions, options: DeleteOptions = {}) {
      options.signal?.throwIfAborted()
      await registry.deleteCollection(write(options), kind, list, deletionOf(options))
    },
    async post(target, subresource, body, options = {}) {
      options.signal?.throwIfAborted()
      return registry.post(read(options), kind, target, subresource, body)
    },
  }
}

function deletionOf({ gracePeriodSeconds, propagationPolicy, preconditions }: DeleteOptions): DeletionRequest {
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy && { propagationPolicy }),
    ...(preconditions && { preconditions }),
  }
}

const TYPES = { added: 'ADDED', modified: 'MODIFIED', deleted: 'DELETED' } as const

async function* watch<T extends KubernetesObject>(
  registry: Registry,
  user: User,
  kind: Kind,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, void> {
  const { signal, timeoutSeconds, namespace, labelSelector, fieldSelector, resourceVersion, allowWatchBookmarks } = options
  const parameters: WatchParameters = {
    ...(namespace && { namespace }),
    ...(labelSelector && { labelSelector }),
    ...(fieldSelector && { fieldSelector }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(allowWatchBookmarks && { allowWatchBookmarks }),
  }
  const end = timeoutSeconds ? deadlineSignal(timeoutSeconds * 1000, signal) : signal
  try {
    for await (const batch of registry.watch({ user, ...(end && { signal: end }) }, kind, parameters)) {
      for (const event of batch) yield toWatchEvent<T>(kind, event)
    }
  } catch (error) {
    // A watch that lived as long as it was asked to has ended well.
    if (!end?.aborted || signal?.aborted) throw error
  }
}

function toWatchEvent<T extends KubernetesObject>(kind: Kind, event: StorageEvent): WatchEvent<T> {
  if (event.type !== 'bookmark') return { type: TYPES[event.type], object: event.stored.object as T }
  const annotations = event.initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}
  const metadata = { resourceVersion: String(event.revision), ...annotations }
  return { type: 'BOOKMARK', object: { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata } }
}
