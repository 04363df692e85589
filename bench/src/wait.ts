import { setTimeout as delay } from 'node:timers/promises'

export interface WaitOptions {
  signal: AbortSignal
  timeoutMs: number
  everyMs: number
}

/** Asks `done` until it says true; gives that moment on the monotonic clock. For what offers no watch. */
export async function poll(what: string, done: () => Promise<boolean>, { signal, timeoutMs, everyMs }: WaitOptions): Promise<number> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    signal.throwIfAborted()
    if (await done()) return performance.now()
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}`)
    await delay(everyMs, undefined, { signal })
  }
}

/** Lets the machine come to rest, so that what ended just now does not weigh on what is measured next. */
export async function settle(signal: AbortSignal): Promise<void> {
  await delay(1_500, undefined, { signal })
}
