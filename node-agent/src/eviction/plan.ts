/** What a node that runs short does next: pure. The steps, their order and their words are Kubernetes'. */
import { amountOf, CONDITION_OF, type PressureCondition, SIGNALS, type Signal, type Threshold } from './thresholds.ts'

/** How much there is of something, and how much of that is free. */
export interface Observation {
  readonly available: number
  readonly capacity: number
}

export type Observations = ReadonlyMap<Signal, Observation>

/** What must be remembered from one look to the next. Times are monotonic milliseconds. */
export interface EvictionState {
  /** Thresholds that were passed at the last look. */
  readonly met: readonly Threshold[]
  /** Since when they are. */
  readonly metSince: ReadonlyMap<Threshold, number>
  /** When each condition was last seen. */
  readonly seenAt: ReadonlyMap<PressureCondition, number>
}

export const NO_PRESSURE: EvictionState = { met: [], metSince: new Map(), seenAt: new Map() }

export interface Observed {
  readonly thresholds: readonly Threshold[]
  readonly observations: Observations
  readonly state: EvictionState
  /** How long a condition stays after it was last seen, so that a node at the edge does not swing. */
  readonly transitionMs: number
  readonly now: number
}

export interface EvictionPlan {
  readonly state: EvictionState
  readonly conditions: ReadonlySet<PressureCondition>
  /** The shortage to deal with now: of what, and how much is missing. Undefined: pods may stay. */
  readonly relieve: Shortage | undefined
}

export interface Shortage {
  readonly threshold: Threshold
  readonly observation: Observation
}

export function planEviction({ thresholds, observations, state, transitionMs, now }: Observed): EvictionPlan {
  const passed = thresholds.filter(threshold => isMet(threshold, observations, { withReclaim: false }))
  // One that was passed stays so until as much is free as was asked for.
  const lingering = state.met.filter(threshold => isMet(threshold, observations, { withReclaim: true }))
  const met = thresholds.filter(threshold => passed.includes(threshold) || lingering.includes(threshold))
  const metSince = new Map(met.map(threshold => [threshold, state.metSince.get(threshold) ?? now]))
  const seenAt = new Map(state.seenAt)
  for (const { signal } of met) seenAt.set(CONDITION_OF[signal], now)
  const conditions = new Set([...seenAt].filter(([, at]) => now - at < transitionMs || at === now).map(([condition]) => condition))
  const due = met.filter(threshold => now - (metSince.get(threshold) ?? now) >= threshold.graceMs)
  return { state: { met, metSince, seenAt }, conditions, relieve: worstOf(due, observations) }
}

/** Hard before soft, and memory before all else. */
function worstOf(due: readonly Threshold[], observations: Observations): Shortage | undefined {
  const [threshold] = due.toSorted((a, b) => SIGNALS.indexOf(a.signal) - SIGNALS.indexOf(b.signal) || Number(b.isHard) - Number(a.isHard))
  const observation = threshold && observations.get(threshold.signal)
  return threshold && observation && { threshold, observation }
}

/** What cannot be observed is not short. */
export function isMet(
  { signal, value, minReclaim }: Threshold,
  observations: Observations,
  { withReclaim }: { withReclaim: boolean },
): boolean {
  const observation = observations.get(signal)
  if (!observation) return false
  const { available, capacity } = observation
  const more = withReclaim && minReclaim ? amountOf(minReclaim, capacity) : 0
  return available < amountOf(value, capacity) + more
}
