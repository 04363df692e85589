/**
 * What a process that stood still (stopped, or a virtual machine that was paused) does with the writes it finds when it wakes: their
 * clients may have given up long ago, done the same through another server, and undone it since. Made now, such a write would bring
 * back what was acknowledged to be gone. That the client has left is in the sockets too, right behind its request.
 */
import type { Clock } from '@davit/api'

const TICK_MS = 500
/** A loop that is only busy is never that late. */
const ASLEEP_MS = 1_500
/** For so long after waking, what is read may be from before. */
const DROWSY_MS = 1_000
const SETTLE_MS = 200

export interface Slumber {
  /** Resolves at once, but right after the process stood still only when what had arrived meanwhile is read. */
  settled(): Promise<void>
}

/** Watches until `signal` aborts. */
export function watchSlumber(clock: Pick<Clock, 'monotonic' | 'sleep'>, signal: AbortSignal): Slumber {
  let lastTick = clock.monotonic()
  let drowsyUntil = Number.NEGATIVE_INFINITY
  /** Requests are read before timers run: whoever comes first notices. */
  const look = () => {
    const now = clock.monotonic()
    if (now - lastTick > ASLEEP_MS) drowsyUntil = now + DROWSY_MS
    lastTick = now
    return now
  }
  void (async () => {
    while (!signal.aborted) {
      await clock.sleep(TICK_MS, signal).catch(() => {})
      look()
    }
  })()
  return {
    async settled() {
      if (look() < drowsyUntil) await clock.sleep(SETTLE_MS)
    },
  }
}
