import { badRequest, type Kind, type ListOptions, notFound, type Target } from '@davit/api'
import { lazily } from '../../storage/index.ts'
import type { ListResult, Storage, StorageEvent, Stored } from '../../storage/types.ts'
import { keyOf, type Resources } from './resources.ts'
import { selectionOf } from './selection.ts'
import type { RequestContext, WatchParameters } from './types.ts'

/** Reads of the registry; all of them come from storage's cache, as fresh as asked. */
export class Reader {
  readonly #storage: Storage
  readonly #resources: Resources

  constructor(storage: Storage, resources: Resources) {
    this.#storage = storage
    this.#resources = resources
  }

  async get(context: RequestContext, kind: Kind, target: Target, { resourceVersion }: { resourceVersion?: string } = {}): Promise<Stored> {
    const { signal } = context
    const freshness = !resourceVersion ? {} : resourceVersion === '0' ? { cached: true } : { atLeast: parseRevision(resourceVersion) }
    const options = signal ? { ...freshness, signal } : freshness
    const stored = await this.#storage.get(this.#resources.stored(kind), keyOf(kind, target), options)
    if (!stored) throw notFound(kind, target.name)
    return stored
  }

  async list(context: RequestContext, kind: Kind, options: ListOptions): Promise<ListResult> {
    const { namespace, labelSelector, fieldSelector, limit, continue: next, resourceVersion, resourceVersionMatch } = options
    const signal = options.signal ?? context.signal
    return this.#storage.list(this.#resources.stored(kind), {
      ...selectionOf(kind, { namespace, labelSelector, fieldSelector }),
      ...(limit !== undefined && { limit }),
      ...(next && { continue: next }),
      ...(resourceVersion !== undefined && resourceVersion !== '' && { resourceVersion }),
      ...(resourceVersionMatch && { resourceVersionMatch }),
      ...(signal && { signal }),
    })
  }

  /** What is wrong with the request shows with the first event asked for, as every other failure does. */
  watch(context: RequestContext, kind: Kind, parameters: WatchParameters): AsyncIterable<StorageEvent[]> {
    const { namespace, labelSelector, fieldSelector, resourceVersion, allowWatchBookmarks, sendInitialEvents, onDropped } = parameters
    const open = () =>
      this.#storage.watch(this.#resources.stored(kind), {
        ...selectionOf(kind, { namespace, labelSelector, fieldSelector }),
        ...(resourceVersion !== undefined && resourceVersion !== '' && { resourceVersion }),
        ...(allowWatchBookmarks && { bookmarks: true }),
        ...(sendInitialEvents && { sendInitialEvents: true }),
        ...(onDropped && { onDropped }),
        signal: context.signal ?? NEVER,
      })
    return lazily(() => open()[Symbol.asyncIterator]())
  }
}

const NEVER = new AbortController().signal

/** Throws BadRequest on what is no resourceVersion. */
function parseRevision(text: string): number {
  const revision = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision)) throw badRequest(`Invalid value for resourceVersion: ${JSON.stringify(text)}`)
  return revision
}
