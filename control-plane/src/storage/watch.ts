/** Watches: from which version on, what comes first, and who is told. */
import type { Freshness } from './freshness.ts'
import type { KeySpace } from './key-space.ts'
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
}

/** See `Storage.watch`. Ends quietly when the signal aborts. */
export async function* watch(parts: WatchParts, cache: ResourceCache, request: WatchRequest): AsyncGenerator<StorageEvent[], void, void> {
  const { signal } = request
  if (signal.aborted) return
  let watcher: Watcher
  try {
    watcher = await open(parts, cache, request)
  } catch (error) {
    if (signal.aborted) return
    throw error
  }
  const stop = () => watcher.close()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    yield* watcher
  } finally {
    signal.removeEventListener('abort', stop)
    watcher.close()
  }
}

async function open(parts: WatchParts, cache: ResourceCache, request: WatchRequest): Promise<Watcher> {
  const { space, freshness, queueMax } = parts
  const { signal, filter, sendInitialEvents = false, bookmarks = false } = request
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
  const onClose = (closed: Watcher) => cache.audience.delete(closed)
  const watcher = new Watcher({ scope, matches, after, bookmarks: bookmarks || sendInitialEvents, queueMax, onClose })
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
  return watcher
}
