import type { Clock, WorkQueue } from '@davit/api'

/** Keys remembered before those that are due no more are forgotten. */
const KEYS_MAX = 1_000

/**
 * Adds keys to `queue`, one key at most every `intervalMs`: the first change passes at once, and those of a burst share what follows.
 * For work whose every run costs writes and which nobody waits for that long.
 */
export function spaced(queue: WorkQueue, { clock, intervalMs }: { clock: Clock; intervalMs: number }): (key: string) => void {
  const dueAt = new Map<string, number>()
  return key => {
    const now = clock.monotonic()
    const last = dueAt.get(key) ?? Number.NEGATIVE_INFINITY
    // One on its way is asked for again, in case its timer has just fired: the queue holds a key only once.
    const due = last > now ? last : Math.max(now, last + intervalMs)
    if (dueAt.size >= KEYS_MAX) for (const [old, at] of dueAt) if (at + intervalMs < now) dueAt.delete(old)
    dueAt.set(key, due)
    queue.addAfter(key, due - now)
  }
}
