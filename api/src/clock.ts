/** Where time comes from, so that tests can step it. `main` makes the one real clock. */
export interface Clock {
  /** Wall clock in milliseconds since the epoch; only for times shown to people. */
  now(): number
  /** Milliseconds that never jump; for grace, back-off, leases and timeouts. */
  monotonic(): number
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** What timers of Node take, milliseconds; they fire at once when given more. */
export const TIMER_MS_MAX = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const stop = () => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      let leftMs = ms
      const wait = () => {
        const now = Math.min(leftMs, TIMER_MS_MAX)
        leftMs -= now
        return setTimeout(finish, now)
      }
      const finish = () => {
        if (leftMs > 0) {
          timer = wait()
          return
        }
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      let timer = wait()
      signal?.addEventListener('abort', stop, { once: true })
    }),
}

/** `2026-01-02T03:04:05Z`: how Kubernetes writes a time. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
}

/** With microseconds, for Leases and Events. */
export function formatMicroTime(ms: number): string {
  return new Date(ms).toISOString().replace(/(\.\d{3})Z$/, '$1000Z')
}
