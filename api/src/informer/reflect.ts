/**
 * Keeps a copy in step with the server: list, watch from there, resume after a break, list anew when the version has expired.
 *
 *   empty ──list──▶ listed ──open──▶ watching ──event──▶ watching
 *     ▲                ▲                │  │
 *     │                └──ended, error──┘  │
 *     └───────────────expired──────────────┘
 *
 * Any step may fail; a failure only ever costs a delay and leads to one of the same states.
 */
import { Backoff } from '../client/backoff.ts'
import type { ResourceClient, WatchEvent } from '../client/client.ts'
import type { Clock } from '../clock.ts'
import type { KubernetesObject } from '../meta.ts'
import type { Logger } from '../reconcile/run-controller.ts'
import { isReason } from '../status.ts'
import { isNewer } from './resource-version.ts'

/** Where the copy goes; called in the order of the server's versions. */
export interface Sink<T> {
  replaced(items: readonly T[], version: string): void
  put(object: T): void
  removed(object: T): void
  /** Nothing else changed up to `version`. */
  advanced(version: string): void
}

export interface Scope {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
}

export interface ReflectOptions {
  scope: Scope
  /** Fields that name the resource in the log. */
  about: object
  signal: AbortSignal
  log: Logger
  clock: Clock
  random?: () => number
}

/** A server that says nothing for so long, not even a bookmark, is taken for gone. */
export const WATCH_SILENCE_MS_MAX = 90_000
/** A watch that ended without news after less than this is a failure: reopening it at once could become a busy loop. */
const WATCH_LIFE_MS_MIN = 1_000
const BACKOFF_MS = { min: 50, max: 5_000 }

type State<T> =
  | { at: 'empty' }
  | { at: 'listed'; version: string }
  /** `version` is complete: everything up to it was seen. `newest` may have more to come. */
  | { at: 'watching'; version: string; newest: string; watch: OpenWatch<T> }

/** Runs until `signal` aborts; never rejects. */
export async function reflect<T extends KubernetesObject>(
  resource: ResourceClient<T>,
  sink: Sink<T>,
  options: ReflectOptions,
): Promise<void> {
  const { scope, about, signal, log, clock, random } = options
  const backoff = new Backoff({ ...BACKOFF_MS, ...(random && { random }) })
  let state: State<T> = { at: 'empty' }

  const step = async (): Promise<State<T>> => {
    switch (state.at) {
      case 'empty': {
        const list = await resource.list({ ...scope, signal })
        const version = list.metadata.resourceVersion ?? ''
        sink.replaced(list.items, version)
        return { at: 'listed', version }
      }
      case 'listed':
        return { at: 'watching', version: state.version, newest: state.version, watch: openWatch(resource, state.version, options) }
      case 'watching': {
        const next = await state.watch.next()
        if (next.done) {
          if (state.watch.wasUseful()) backoff.reset()
          else await clock.sleep(backoff.next(), signal)
          return { at: 'listed', version: state.version }
        }
        const { version, newest } = take(state, next.value, sink)
        if (newest !== state.newest) backoff.reset()
        return { at: 'watching', version, newest, watch: state.watch }
      }
      default:
        return state satisfies never
    }
  }

  while (!signal.aborted) {
    try {
      state = await step()
    } catch (err) {
      if (signal.aborted) break
      const failed: State<T> = state
      if (failed.at === 'watching') {
        failed.watch.close()
        if (failed.watch.wasUseful()) backoff.reset()
      }
      if (failed.at !== 'empty')
        state = isReason(err, 'Expired') || isReason(err, 'Gone') ? { at: 'empty' } : { at: 'listed', version: failed.version }
      const delayMs = backoff.next()
      log.warn({ ...about, err, failedAt: failed.at, delayMs: Math.round(delayMs) }, 'Cannot follow a resource, trying again')
      await clock.sleep(delayMs, signal).catch(() => {})
    }
  }
  if (state.at === 'watching') state.watch.close()
}

/**
 * One transaction of the server gives many events of one version, and a stream may break between them. So a version counts
 * as complete, fit to resume from, only once a newer one or a bookmark shows up; what comes twice then, the sink ignores.
 */
function take<T extends KubernetesObject>(
  { version, newest }: { version: string; newest: string },
  event: WatchEvent<T>,
  sink: Sink<T>,
): { version: string; newest: string } {
  const seen = event.object.metadata.resourceVersion ?? ''
  if (event.type === 'BOOKMARK') {
    if (isNewer(newest, seen)) return { version, newest }
    sink.advanced(seen)
    return { version: seen, newest: seen }
  }
  if (event.type === 'DELETED') sink.removed(event.object)
  else sink.put(event.object)
  return isNewer(seen, newest) ? { version: newest, newest: seen } : { version, newest }
}

interface OpenWatch<T> {
  next(): Promise<IteratorResult<WatchEvent<T>, unknown>>
  /** Whether it brought news or at least lasted: reopening it at once does no harm. */
  wasUseful(): boolean
  close(): void
}

function openWatch<T extends KubernetesObject>(resource: ResourceClient<T>, version: string, options: ReflectOptions): OpenWatch<T> {
  const { scope, signal, clock } = options
  const closed = new AbortController()
  const openedAt = clock.monotonic()
  let heardAt = openedAt
  let hasNews = false
  // Linked by hand: `AbortSignal.any` keeps something of each watch on the long-lived signal.
  const stop = () => closed.abort(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  closed.signal.addEventListener('abort', () => signal.removeEventListener('abort', stop), { once: true })
  const request = { ...scope, resourceVersion: version, allowWatchBookmarks: true, signal: closed.signal }
  const events = resource.watch(request)[Symbol.asyncIterator]()

  const watchSilence = async () => {
    for (let leftMs = WATCH_SILENCE_MS_MAX; leftMs > 0; leftMs = heardAt + WATCH_SILENCE_MS_MAX - clock.monotonic())
      await clock.sleep(leftMs, closed.signal)
    closed.abort(new Error(`Watch was silent for ${WATCH_SILENCE_MS_MAX / 1000} s`))
  }
  watchSilence().catch(() => {})

  return {
    async next() {
      const next = await events.next()
      if (next.done) closed.abort()
      else {
        heardAt = clock.monotonic()
        hasNews ||= isNewer(next.value.object.metadata.resourceVersion ?? '', version)
      }
      return next
    },
    wasUseful: () => hasNews || clock.monotonic() - openedAt >= WATCH_LIFE_MS_MIN,
    close: () => closed.abort(),
  }
}
