/** Ends the pods of a machine that goes down: others first, the system's own last, each told why. */
import { type Clock, deadlineSignal, type Logger } from '@davit/api'
import type { PodManager } from '../pods/index.ts'
import { watchDirectory } from '../watch-directory.ts'
import { planShutdown, type ShutdownTimes } from './plan.ts'
import { readBootId, readRequest, removeRequest, writeRequest } from './request.ts'

export interface ShutdownOptions extends ShutdownTimes {
  dataDir: string
  manager: Pick<PodManager, 'runningPods' | 'end' | 'flushStatuses'>
  /** The Node is to say that it goes down. */
  onBegin: () => void
  clock: Clock
  log: Logger
  signal: AbortSignal
}

export interface RunningShutdown {
  /** Resolves once all pods have ended, or their time is over. Asked again, it is the same. */
  begin(): Promise<void>
  readonly stopped: Promise<void>
}

/** The words of Kubernetes. */
const REASON = 'Terminated'
const MESSAGE = 'Pod was terminated in response to imminent node shutdown.'
/** Beyond a pod's grace: its end must be seen, and told to the API. */
const SLACK_MS = 3_000
const FLUSH_MS_MAX = 5_000
const POLL_MS = 2_000
/** A request that is older was not for this run. */
const AGE_MS_MAX = 60_000

export function runShutdown(options: ShutdownOptions): RunningShutdown {
  const { dataDir, manager, graceMs, criticalMs, clock, log, signal } = options
  let begun: Promise<void> | undefined

  const end = async () => {
    options.onBegin()
    const steps = planShutdown(
      manager.runningPods().map(({ pod, uid }) => ({ ...pod, metadata: { ...pod.metadata, uid } })),
      { graceMs, criticalMs },
    )
    log.warn({ pods: steps.map(({ pods }) => pods.length) }, 'The machine goes down: pods are ended')
    for (const { pods, graceSeconds } of steps) {
      const over = deadlineSignal(graceSeconds * 1000 + SLACK_MS, signal)
      const how = { reason: REASON, message: MESSAGE, graceSeconds, signal: over }
      await Promise.all(
        pods.map(pod =>
          manager
            .end(pod.metadata.uid ?? '', how)
            .catch((err: unknown) => log.warn({ pod: pod.metadata.name, err }, 'Cannot end a pod before the machine goes down')),
        ),
      )
    }
    await manager.flushStatuses(deadlineSignal(FLUSH_MS_MAX, signal))
    log.info({}, 'Pods have ended')
  }
  const begin = () => {
    // Times of zero switch it off, as in Kubernetes.
    begun ??= graceMs > 0 ? end() : Promise.resolve()
    return begun
  }

  const look = async () => {
    const request = await readRequest(dataDir)
    if (!request || request.state === 'done') return
    const isOurs = request.bootId === (await readBootId()) && Math.abs(clock.now() - request.at) < graceMs + AGE_MS_MAX
    if (!isOurs) return removeRequest(dataDir)
    await writeRequest(dataDir, { ...request, state: 'begun' })
    await begin()
    await writeRequest(dataDir, { ...request, state: 'done' })
  }

  const lookForEver = async () => {
    // Whoever starts an agent after its pods were ended wants it to work again.
    if ((await readRequest(dataDir))?.state === 'done') await removeRequest(dataDir)
    while (!signal.aborted && !begun) {
      await look().catch((err: unknown) => log.warn({ err }, 'Cannot follow the request to end all pods'))
      const wake = new AbortController()
      const stop = watchDirectory(dataDir, () => wake.abort())
      await clock.sleep(POLL_MS, AbortSignal.any([signal, wake.signal])).catch(() => {})
      stop()
    }
  }
  return { begin, stopped: lookForEver() }
}
