import type { Clock } from '@davit/api'

interface Sample {
  /** Monotonic milliseconds. */
  at: number
  ns: number
}

/** A rate over less says little; one over more than the second says nothing of now. Milliseconds. */
const SPAN_MS = { min: 400, fresh: 10_000, max: 120_000 }

/** How fast counters of CPU time grow, from the looks that were taken anyway. */
export class CpuRates {
  readonly #samples = new Map<string, { older: Sample; newer?: Sample }>()

  /** Nanocores over the last seconds; undefined while there is nothing to compare with. */
  add(key: string, now: Sample): number | undefined {
    const kept = this.#samples.get(key)
    if (!kept || isAnew(kept.newer ?? kept.older, now)) {
      this.#samples.set(key, { older: now })
      return undefined
    }
    const { older, newer } = kept
    if (now.at - older.at < SPAN_MS.min) return undefined
    if (!newer || now.at - newer.at >= SPAN_MS.fresh) this.#samples.set(key, { older: newer ?? older, newer: now })
    return Math.round(((now.ns - older.ns) * 1000) / (now.at - older.at))
  }

  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#samples.keys()) if (!keys.has(key)) this.#samples.delete(key)
  }

  /** Waits for as long as a first rate takes. */
  settle(clock: Clock, signal: AbortSignal): Promise<void> {
    return clock.sleep(SPAN_MS.min + 50, signal).catch(() => {})
  }
}

/** The counter began at zero again, or the last look was too long ago. */
function isAnew(before: Sample, now: Sample): boolean {
  return now.ns < before.ns || now.at - before.at > SPAN_MS.max
}
