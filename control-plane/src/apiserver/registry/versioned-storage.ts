/**
 * Storage as a version of a user's kind sees it: whatever version an object is stored in, it is read in the one that is asked for, and
 * written in the one that is stored. All that the registry does to objects it does in the version of the request.
 */
import { apiError, type KubernetesObject } from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { ListRequest, ListResult, Operation, Storage, StorageEvent, Stored, WatchRequest } from '../../storage/types.ts'
import { type ConvertByWebhook, Seen, VersionedResource } from './versioned-resource.ts'
import { writtenAs } from './written.ts'

/** Objects that change while others of their list are converted make it begin again. */
const LIST_TRIES_MAX = 10

/** `storage` for built-in kinds and users' kinds alike. */
export function versionedStorage(storage: Storage, kinds: KindRegistry, convert: ConvertByWebhook): Storage {
  const customOf = (operation: Operation) => {
    if (operation.type === 'delete' || typeof operation.value === 'string') return undefined
    return kinds.findCustom(operation.value.apiVersion, operation.value.kind)?.custom
  }
  const isOfUsers = (operation: Operation) => customOf(operation) !== undefined
  const inStoredVersion = async (operation: Operation, signal: AbortSignal | undefined): Promise<Operation> => {
    const custom = customOf(operation)
    if (!custom || operation.type === 'delete' || typeof operation.value === 'string') return operation
    const { value } = operation
    if (!custom.webhook || value.apiVersion === custom.storedVersion) return { ...operation, value: custom.toStored(value) }
    const [converted] = await convert(custom, [value], custom.storedVersion, signal)
    return { ...operation, value: converted as KubernetesObject }
  }
  return {
    register: resource => storage.register(resource),
    add: (resource, signal) => storage.add(resource, signal),
    remove: resource => storage.remove(resource),
    start: signal => storage.start(signal),
    close: () => storage.close(),
    read: (...args) => storage.read(...args),
    readPrefix: (...args) => storage.readPrefix(...args),
    currentRevision: signal => storage.currentRevision(signal),
    reached: (...args) => storage.reached(...args),
    get health() {
      return storage.health
    },
    get: (resource, key, options) => {
      const found = storage.get(resource, key, options)
      return resource instanceof VersionedResource ? found.then(stored => stored && seen(stored, resource, options?.signal)) : found
    },
    list: (resource, request) =>
      resource instanceof VersionedResource ? listSeen(storage, resource, request) : storage.list(resource, request),
    watch: (resource, request) =>
      resource instanceof VersionedResource ? watchWhileServed(storage, resource, request, kinds) : storage.watch(resource, request),
    commit: (operations, guards, options) => {
      if (!operations.some(isOfUsers)) return storage.commit(operations, guards, options)
      const stored = Promise.all(operations.map(operation => inStoredVersion(operation, options?.signal)))
      return stored.then(converted => storage.commit(converted, guards, options))
    },
  }
}

async function seen(stored: Stored, resource: VersionedResource, signal: AbortSignal | undefined): Promise<Stored> {
  await resource.prepare([stored], signal)
  return new Seen(stored, resource)
}

async function listSeen(storage: Storage, resource: VersionedResource, request: ListRequest): Promise<ListResult> {
  const { filter, signal } = request
  // Of the past, storage makes objects anew each time.
  const converted = new Map<string, KubernetesObject>()
  for (let tries = 0; tries < LIST_TRIES_MAX; tries++) {
    const missing: KubernetesObject[] = []
    const matches = (object: KubernetesObject) => {
      const seen = resource.find(object) ?? converted.get(identityOf(object))
      if (!seen) missing.push(object)
      return seen !== undefined && (!filter || filter(seen))
    }
    const result = await storage.list(resource, filter ? { ...request, filter: matches } : request)
    if (missing.length === 0) {
      await resource.prepare(result.items, signal)
      return { ...result, items: result.items.map(stored => new Seen(stored, resource)) }
    }
    await resource.prepare(
      missing.map(object => ({ object })),
      signal,
    )
    for (const object of missing) converted.set(identityOf(object), resource.find(object) as KubernetesObject)
  }
  throw apiError('ServiceUnavailable', `objects of ${resource.name} change faster than their conversion webhook answers`)
}

function identityOf({ metadata: { uid, resourceVersion } }: KubernetesObject): string {
  return `${uid} ${resourceVersion}`
}

/** Ends when the kind is served otherwise: what is seen now was made by rules that hold no more, and whoever watches begins anew. */
async function* watchWhileServed(
  storage: Storage,
  resource: VersionedResource,
  request: WatchRequest,
  kinds: KindRegistry,
): AsyncGenerator<StorageEvent[], void, void> {
  const { group, version, plural } = resource.kind
  const served = () => kinds.find(group, version, plural)
  const before = served()
  const changed = new AbortController()
  const stopListening = kinds.onChange(() => {
    if (served() !== before) changed.abort()
  })
  try {
    yield* watchSeen(storage, resource, { ...request, signal: AbortSignal.any([request.signal, changed.signal]) })
  } catch (error) {
    if (!changed.signal.aborted) throw error
  } finally {
    stopListening()
  }
}

async function* watchSeen(
  storage: Storage,
  resource: VersionedResource,
  request: WatchRequest,
): AsyncGenerator<StorageEvent[], void, void> {
  const { filter, ...rest } = request
  if (!resource.custom.webhook) {
    // Nobody has to be asked, so that storage can leave out what does not match.
    const matches = filter && ((object: KubernetesObject) => filter(resource.find(object) as KubernetesObject))
    for await (const batch of storage.watch(resource, { ...rest, ...(matches && { filter: matches }) })) {
      yield batch.map(event => {
        if (event.type === 'bookmark') return event
        const { stored, previous } = event
        return { ...event, stored: new Seen(stored, resource), ...(previous && { previous: new Seen(previous, resource) }) }
      })
    }
    return
  }
  for await (const batch of storage.watch(resource, rest)) {
    const changed = batch.flatMap(event => {
      if (event.type === 'bookmark') return []
      const { type, stored, previous } = event
      return [...(previous ? [previous] : []), ...(type === 'deleted' && previous ? [] : [stored])]
    })
    await resource.prepare(changed, request.signal)
    const seen = batch.flatMap(event => seenEvent(event, resource, filter) ?? [])
    if (seen.length > 0) yield seen
  }
}

/** As storage tells it to whoever filters; undefined for what concerns them not. */
function seenEvent(event: StorageEvent, resource: VersionedResource, filter: WatchRequest['filter']): StorageEvent | undefined {
  if (event.type === 'bookmark') return event
  const { type, stored } = event
  const matches = (each: Stored) => !filter || filter(each.object)
  const previous = event.previous && new Seen(event.previous, resource)
  const matched = previous !== undefined && matches(previous)
  if (type !== 'deleted') {
    const now = new Seen(stored, resource)
    // Initial state has nothing before it.
    if (matches(now)) return { type: matched ? 'modified' : 'added', stored: now, ...(previous && { previous }) }
  }
  if (!matched) return undefined
  return { type: 'deleted', stored: writtenAs(previous.key, previous.object, stored.revision), previous }
}
