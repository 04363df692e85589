import type { Clock, Pod } from '@davit/api'

/** First and longest wait of a pod that did not fit, milliseconds; as Kubernetes has them. */
const BACKOFF_MS = { min: 1_000, max: 10_000 }
/** A pod that did not fit is tried again after so long even if nothing seems to have changed. */
const STALE_MS = 60_000

interface Entry {
  pod: Pod
  attempts: number
  /** When the back-off of the last failure is over, monotonic. */
  readyAt: number
  /** When it last failed, monotonic; undefined while it waits its turn. */
  failedAt: number | undefined
}

/**
 * Pods that wait for a node: those whose turn may come, by priority and age, and those that did not fit, which wait for a
 * change that could help and at least for their back-off.
 */
export class PendingPods {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  /** Adds a pod, or notes its newer version; a changed spec may be what it waited for. */
  set(pod: Pod): void {
    const uid = pod.metadata.uid ?? ''
    const entry = this.#entries.get(uid)
    if (!entry) this.#entries.set(uid, { pod, attempts: 0, readyAt: 0, failedAt: undefined })
    else {
      if (entry.pod.metadata.generation !== pod.metadata.generation) entry.failedAt = undefined
      entry.pod = pod
    }
  }

  remove(uid: string): void {
    this.#entries.delete(uid)
  }

  /** The pod did not fit; it waits. */
  failed(uid: string): void {
    const entry = this.#entries.get(uid)
    if (!entry) return
    const now = this.#clock.monotonic()
    entry.readyAt = now + Math.min(BACKOFF_MS.max, BACKOFF_MS.min * 2 ** entry.attempts)
    entry.attempts++
    entry.failedAt = now
  }

  /** What the pod lacks is on its way: it waits for a change, but not for a back-off. */
  park(uid: string): void {
    const entry = this.#entries.get(uid)
    if (entry) entry.failedAt = this.#clock.monotonic()
  }

  /** Something changed that could let waiting pods in: each is tried again once its back-off is over. */
  wake(): void {
    for (const entry of this.#entries.values()) entry.failedAt = undefined
  }

  /** Pods to try now, most important and oldest first. */
  due(): Pod[] {
    const now = this.#clock.monotonic()
    return [...this.#entries.values()]
      .filter(({ readyAt, failedAt }) => readyAt <= now && (failedAt === undefined || now - failedAt > STALE_MS))
      .map(({ pod }) => pod)
      .sort(byPriority)
  }

  /** Milliseconds until another pod may become due by time alone; Infinity when none waits. */
  nextMs(): number {
    const now = this.#clock.monotonic()
    let next = Number.POSITIVE_INFINITY
    for (const { readyAt, failedAt } of this.#entries.values()) {
      const at = failedAt === undefined ? readyAt : Math.max(readyAt, failedAt + STALE_MS)
      next = Math.min(next, Math.max(0, at - now))
    }
    return next
  }
}

function byPriority(a: Pod, b: Pod): number {
  return (
    (b.spec.priority ?? 0) - (a.spec.priority ?? 0) ||
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '')
  )
}
