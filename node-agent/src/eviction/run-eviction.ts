/** Looks every ten seconds whether the node is short of something, and makes room. */
import { type Clock, deadlineSignal, type Logger, type Pod } from '@davit/api'
import type { PodManager, PodView } from '../pods/index.ts'
import type { Family, PodUsage, Stats } from '../stats/index.ts'
import { NO_PRESSURE, type Observations, planEviction, type Shortage } from './plan.ts'
import { evictionMessage, isCritical, rankPods } from './rank.ts'
import { hasStorageLimit, storageExcess } from './storage-limits.ts'
import { type PressureCondition, RESOURCE_OF, type Threshold } from './thresholds.ts'

export interface EvictionOptions {
  thresholds: readonly Threshold[]
  transitionMs: number
  /** Grace of pods evicted by a soft threshold, at most. */
  softGraceSeconds: number
  observe: () => Promise<Observations>
  stats: Pick<Stats, 'pods' | 'measure'>
  manager: Pick<PodManager, 'evict' | 'runningPods'>
  /** Frees what nobody uses: dead containers, images. */
  reclaimDisk: () => Promise<unknown>
  /** Tells of the node that it reached a threshold. */
  tellNode: (reason: string, message: string) => void
  onChange: (conditions: ReadonlySet<PressureCondition>) => void
  /** Between two looks. */
  intervalMs?: number
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface RunningEviction {
  readonly conditions: ReadonlySet<PressureCondition>
  metrics(): Family[]
  readonly stopped: Promise<void>
}

const INTERVAL_MS = 10_000
/** At once, but for one signal to arrive. */
const IMMEDIATE_SECONDS = 1
/** How long an evicted pod's end is waited for before the next look. */
const END_MS_MAX = 30_000

export function runEviction(options: EvictionOptions): RunningEviction {
  const { thresholds, transitionMs, stats, manager, clock, log, signal, intervalMs = INTERVAL_MS } = options
  let state = NO_PRESSURE
  let conditions: ReadonlySet<PressureCondition> = new Set()
  const evictions = new Map<string, number>()

  const look = async (): Promise<Shortage | undefined> => {
    const observations = await options.observe()
    const plan = planEviction({ thresholds, observations, state, transitionMs, now: clock.monotonic() })
    state = plan.state
    const changed = plan.conditions.size !== conditions.size || [...plan.conditions].some(condition => !conditions.has(condition))
    conditions = plan.conditions
    if (changed) options.onChange(conditions)
    return plan.relieve
  }

  const evict = async (pod: Pod, why: { message: string; graceSeconds: number; signal: string }): Promise<boolean> => {
    const { uid = '', name, namespace } = pod.metadata
    const ended = deadlineSignal(END_MS_MAX, signal)
    const evicted = await manager.evict(uid, { message: why.message, graceSeconds: why.graceSeconds, signal: ended })
    if (!evicted) return false
    log.warn({ pod: `${namespace}/${name}`, why: why.message }, 'Evicted a pod')
    evictions.set(why.signal, (evictions.get(why.signal) ?? 0) + 1)
    return true
  }

  /** Pods that wrote more than they may. */
  const enforceLimits = async (): Promise<boolean> => {
    let any = false
    for (const view of manager.runningPods()) {
      if (!hasStorageLimit(view.pod) || isCritical(view.pod)) continue
      const message = storageExcess(await stats.measure(view))
      if (message !== undefined && (await evict(view.pod, { message, graceSeconds: IMMEDIATE_SECONDS, signal: 'ephemeral-storage.limit' })))
        any = true
    }
    return any
  }

  const usageFor = async ({ threshold }: Shortage): Promise<PodUsage[]> => {
    const isOfDisk = ['ephemeral-storage', 'inodes'].includes(RESOURCE_OF[threshold.signal])
    if (!isOfDisk) return stats.pods()
    const measured: PodUsage[] = []
    const views: readonly PodView[] = manager.runningPods()
    for (const view of views) measured.push(await stats.measure(view))
    return measured
  }

  const relieve = async (shortage: Shortage): Promise<void> => {
    const resource = RESOURCE_OF[shortage.threshold.signal]
    log.warn({ ...shortage }, 'The node is low on a resource')
    options.tellNode('EvictionThresholdMet', `Attempting to reclaim ${resource}`)
    let present: Shortage | undefined = shortage
    if (resource === 'ephemeral-storage' || resource === 'inodes') {
      await options.reclaimDisk().catch((err: unknown) => log.warn({ err }, 'Cannot free what nobody uses'))
      present = await look()
      if (!present) return
    }
    const isHard = present.threshold.isHard
    const graceSeconds = isHard ? IMMEDIATE_SECONDS : options.softGraceSeconds
    for (const usage of rankPods(await usageFor(present), present)) {
      const message = evictionMessage(present, usage)
      if (await evict(usage.pod, { message, graceSeconds, signal: present.threshold.signal })) return
    }
    log.error({ resource }, 'There is no pod left that could be evicted')
  }

  const run = async () => {
    while (!signal.aborted) {
      try {
        const shortage = await look()
        if (!(await enforceLimits()) && shortage) await relieve(shortage)
      } catch (err) {
        if (!signal.aborted) log.warn({ err }, 'Cannot look after the resources of this node')
      }
      await clock.sleep(intervalMs, signal).catch(() => {})
    }
  }

  return {
    get conditions() {
      return conditions
    },
    metrics: () => [
      {
        name: 'kubelet_evictions',
        help: 'Cumulative number of pod evictions by eviction signal',
        type: 'counter',
        samples: [...evictions].map(([name, value]) => ({ labels: { eviction_signal: name }, value })),
      },
    ],
    stopped: run(),
  }
}
