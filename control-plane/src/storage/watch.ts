/** Watches: from which version on, what comes first, and who is told. */
import type { Freshness } from './freshness.ts'
import type { KeySpace } from './key-space.ts'
import { lazily } from './lazily.ts'
import { scopeOf } from './list.ts'
import type { ResourceCache } from './resource-cache.ts'
import { parseResourceVersion, tooOldVersion } from './resource-version.ts'
import type { StoredObject } from './stored-object.ts'
import type { StorageEvent, WatchRequest } from './types.ts'
import { Watcher } from './watcher.ts'

export interface WatchParts {
  readonly space: KeySpace
  readonly freshness: Freshness
  readonly queueMax: number
  readonly queueBytesMax: number
}

/** See `Storage.watch`. Ends quietly when the signal aborts. */
export function watch(parts: WatchParts, cache: ResourceCache, request: WatchRequest): AsyncIterable<StorageEvent[]> {
  const { signal } = request
  return lazily(async () => {
    if (signal.aborted) return ENDED
    try {
      return await open(parts, cache, request)
    } catch (error) {
      if (signal.aborted) return ENDED
      throw error
    }
  })
}

const ENDED: AsyncIterator<StorageEvent[], void> = { next: async () => ({ done: true, value: undefined }) }

async function open(parts: WatchParts, cache: ResourceCache, request: WatchRequest): Promise<Watcher> {
  const { space, freshness, queueMax, queueBytesMax } = parts
  const { signal, filter, sendInitialEvents = false, bookmarks = false, onDropped } = request
  const version = parseResourceVersion(request.resourceVersion)
  const scope = scopeOf(request)
  freshness.mustFollow()

  if (version === undefined) await freshness.fresh(signal)
  else if (version === 0) freshness.mustBeReady()
  else await freshness.notBeyond(version, signal)

  // From here to the end nothing is awaited: state, events and registration belong to one revision.
  const fromState = !version || sendInitialEvents
  const after = fromState ? space.revision : version
  const missed = fromState ? [] : cache.ring.since(after)
  if (!missed) throw tooOldVersion(after, cache.ring.floor)

  const matches = (object: StoredObject) => cache.isIn(scope, object) && (!filter || filter(object.object))
  const stop = () => watcher.close()
  const onClose = (closed: Watcher) => {
    cache.audience.delete(closed)
    signal.removeEventListener('abort', stop)
  }
  const bounds = { queueMax, queueBytesMax }
  const watcher = new Watcher({ scope, matches, after, bookmarks: bookmarks || sendInitialEvents, ...bounds, onDropped, onClose })
  if (fromState) {
    const initial: StorageEvent[] = cache
      .select(scope)
      .filter(object => !object.failure && matches(object))
      .map(stored => ({ type: 'added', stored }))
    if (sendInitialEvents) initial.push({ type: 'bookmark', revision: after, initialEventsEnd: true })
    watcher.deliverFirst(initial)
  } else {
    watcher.deliverFirst(missed.map(event => event.seenBy(matches)).filter(event => event !== undefined))
  }
  cache.audience.add(watcher)
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  return watcher
}
