/** Ending pods that did not end by themselves and were not deleted: evictions, a machine that goes down. */
import { SANDBOX } from '../docker/index.ts'
import type { Deps } from './deps.ts'
import type { PodRuntime } from './runtime.ts'

export interface EndOptions {
  reason: string
  message: string
  /** At most; the pod's own grace counts when it is less. */
  graceSeconds: number
  /** Ends the waiting, not what was begun. */
  signal: AbortSignal
}

export interface Ending {
  readonly runtimes: ReadonlyMap<string, PodRuntime>
  readonly deps: Deps
  readonly wake: (uid: string) => void
  readonly signal: AbortSignal
}

const LOOK_MS = 1_000

/**
 * Resolves once nothing of the pod runs; false when there is none to end. What is decided is on the disk before anything is stopped,
 * unless that is full: such a pod may be what fills it.
 */
export async function endPod(uid: string, { reason, message, graceSeconds, signal: asked }: EndOptions, ending: Ending): Promise<boolean> {
  const { runtimes, deps, wake } = ending
  const runtime = runtimes.get(uid)
  if (!runtime || runtime.checkpoint.final) return false
  runtime.checkpoint.final = { phase: 'Failed', reason, message, graceSeconds, isDisruption: true }
  await deps.checkpoints.saveIfRoom(runtime.checkpoint)
  runtime.abandonStarts()
  wake(uid)
  const signal = AbortSignal.any([asked, ending.signal])
  while (!signal.aborted && !hasEnded(runtime, deps)) await changed(uid, deps, signal)
  return true
}

export async function evictPod(uid: string, options: Omit<EndOptions, 'reason'>, ending: Ending): Promise<boolean> {
  const runtime = ending.runtimes.get(uid)
  if (!runtime || runtime.checkpoint.final) return false
  ending.deps.events.warning(runtime.pod, 'Evicted', options.message)
  await endPod(uid, { ...options, reason: 'Evicted' }, ending)
  // What it took of the node must be free now, not when somebody deletes it: as in Kubernetes its logs go, too.
  if (hasEnded(runtime, ending.deps)) await clear(runtime, ending.deps)
  return true
}

/** Nothing of it runs, and how it ended was seen. */
function hasEnded({ uid, busy, checkpoint }: PodRuntime, { containers }: Pick<Deps, 'containers'>): boolean {
  const runs = containers.ofPod(uid).some(({ state, container }) => state === 'running' && container !== SANDBOX)
  return !runs && busy.size === 0 && checkpoint.status?.phase === 'Failed'
}

async function clear({ uid, pod }: PodRuntime, { docker, containers, checkpoints, volumes, log }: Deps): Promise<void> {
  try {
    for (const { id } of containers.ofPod(uid)) {
      await docker.removeContainer(id)
      await containers.refresh(id)
    }
    await volumes.release(checkpoints.podDir(uid))
  } catch (err) {
    log.warn({ pod: pod.metadata.name, err }, 'Cannot remove what an evicted pod left; it goes with the pod')
  }
}

/** Resolves when something of the pod changed, after a moment in any case. */
async function changed(uid: string, { containers, clock }: Pick<Deps, 'containers' | 'clock'>, signal: AbortSignal): Promise<void> {
  const look = new AbortController()
  const stop = containers.onChange(other => other === uid && look.abort())
  await clock.sleep(LOOK_MS, AbortSignal.any([signal, look.signal])).catch(() => {})
  stop()
}
