import { TIMER_MS_MAX } from './clock.ts'

/**
 * A signal that aborts with a `TimeoutError` after `ms`, or earlier with `signal`. It holds no process up. To be used in place of
 * `AbortSignal.any` with `AbortSignal.timeout`: nothing holds on to the latter there, so that on Node 20 such a deadline never comes
 * once memory was collected (nodejs/node#54614). More than 24 days are as much as that.
 */
export function deadlineSignal(ms: number, signal?: AbortSignal): AbortSignal {
  const over = new AbortController()
  // The timer keeps the controller, and that its signal.
  setTimeout(() => over.abort(new DOMException(`Not done within ${ms} ms`, 'TimeoutError')), Math.min(ms, TIMER_MS_MAX)).unref()
  return signal ? AbortSignal.any([signal, over.signal]) : over.signal
}
