import { setMaxListeners } from 'node:events'
import type { Clock } from '../clock.ts'
import { timedOut } from '../status.ts'

export interface Deadline {
  /** Aborts with the caller's reason, or with a Timeout when time is up. */
  readonly signal: AbortSignal
  /** Time no longer matters; the caller's signal still does. */
  lift(): void
  /** Lets go of the clock and of the caller's signal; must be called once. */
  release(): void
}

/** Every call ends with it; one made each time, as is the default, costs its stack. */
const NO_LONGER_MATTERS = new Error('Time no longer matters')

/** Joins the caller's signal with a limit of `ms`. */
export function startDeadline(what: string, ms: number, { clock, signal }: { clock: Clock; signal?: AbortSignal | undefined }): Deadline {
  signal?.throwIfAborted()
  // One signal often ends many calls at once, so more than ten listeners on it are no leak.
  if (signal) setMaxListeners(0, signal)
  const stop = new AbortController()
  const timer = new AbortController()
  const abort = () => stop.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  clock.sleep(ms, timer.signal).then(
    () => stop.abort(timedOut(`${what} got no answer within ${ms / 1000} s`)),
    () => {},
  )
  return {
    signal: stop.signal,
    lift: () => timer.abort(NO_LONGER_MATTERS),
    release: () => {
      timer.abort(NO_LONGER_MATTERS)
      signal?.removeEventListener('abort', abort)
    },
  }
}
