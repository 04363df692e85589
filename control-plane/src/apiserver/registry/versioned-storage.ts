/**
 * Storage as a version of a user's kind sees it: whatever version an object is stored in, it is read in the one that is asked for, and
 * written in the one that is stored. All that the registry does to objects it does in the version of the request.
 */
import type { CustomPart, KubernetesObject } from '@davit/api'
import type { KindRegistry } from '../../kind-registry.ts'
import type { ListRequest, Operation, Storage, StorageEvent, Stored, StoredResource } from '../../storage/types.ts'
import { deepFreeze } from './written.ts'

/** How stored objects look to one version. */
export interface VersionedResource extends StoredResource {
  readonly seenAs: (object: KubernetesObject) => KubernetesObject
  /** apiVersion in which it is written. */
  readonly storedVersion: string
}

/** Converted once for as long as the stored object is kept. */
export function versionedResource(resource: StoredResource, { fromStored, storedVersion }: CustomPart): VersionedResource {
  const seen = new WeakMap<KubernetesObject, KubernetesObject>()
  return {
    ...resource,
    storedVersion,
    seenAs: object => {
      const known = seen.get(object)
      if (known) return known
      const made = deepFreeze(fromStored(object))
      seen.set(object, made)
      return made
    },
  }
}

/** `storage` for built-in kinds and users' kinds alike. */
export function versionedStorage(storage: Storage, kinds: KindRegistry): Storage {
  const inStoredVersion = (operation: Operation): Operation => {
    if (operation.type === 'delete' || typeof operation.value === 'string') return operation
    const { apiVersion, kind } = operation.value
    const custom = kinds.findCustom(apiVersion, kind)?.custom
    return custom ? { ...operation, value: custom.toStored(operation.value) } : operation
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
      return isVersioned(resource) ? found.then(stored => stored && new Seen(stored, resource)) : found
    },
    list: async (resource, request) => {
      if (!isVersioned(resource)) return storage.list(resource, request)
      const result = await storage.list(resource, withSeenFilter(resource, request))
      return { ...result, items: result.items.map(stored => new Seen(stored, resource)) }
    },
    watch: (resource, request) => {
      if (!isVersioned(resource)) return storage.watch(resource, request)
      return seenEvents(storage.watch(resource, withSeenFilter(resource, request)), resource)
    },
    commit: (operations, guards, options) => storage.commit(operations.map(inStoredVersion), guards, options),
  }
}

function isVersioned(resource: StoredResource): resource is VersionedResource {
  return 'seenAs' in resource
}

function withSeenFilter<R extends Pick<ListRequest, 'filter'>>({ seenAs }: VersionedResource, request: R): R {
  const { filter } = request
  return filter ? { ...request, filter: (object: KubernetesObject) => filter(seenAs(object)) } : request
}

async function* seenEvents(events: AsyncIterable<StorageEvent[]>, resource: VersionedResource): AsyncGenerator<StorageEvent[], void, void> {
  for await (const batch of events) {
    yield batch.map(event => {
      if (event.type === 'bookmark') return event
      const { stored, previous } = event
      return { ...event, stored: new Seen(stored, resource), ...(previous && { previous: new Seen(previous, resource) }) }
    })
  }
}

/** Made when it is looked at. */
class Seen implements Stored {
  readonly key: string
  readonly revision: number
  readonly #stored: Stored
  readonly #resource: VersionedResource
  #bytes: Buffer | undefined

  constructor(stored: Stored, resource: VersionedResource) {
    this.key = stored.key
    this.revision = stored.revision
    this.#stored = stored
    this.#resource = resource
  }

  get object(): KubernetesObject {
    return this.#resource.seenAs(this.#stored.object)
  }

  get isStale(): boolean {
    return this.#stored.object.apiVersion !== this.#resource.storedVersion
  }

  get bytes(): Buffer {
    this.#bytes ??= Buffer.from(JSON.stringify(this.object))
    return this.#bytes
  }
}
