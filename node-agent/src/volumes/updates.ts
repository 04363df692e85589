/**
 * Brings changes of ConfigMaps, Secrets, labels and tokens into volumes of pods that run. Nothing is polled: a change of an object wakes the
 * pods that name it, a token its pod when it is due.
 */
import { type Clock, type Logger, type Pod, runController, WorkQueue } from '@davit/api'
import type { WatchedObjects } from './objects.ts'
import { followedBy, isWritten } from './payload.ts'
import type { PodPlace } from './source.ts'
import type { Volumes } from './volumes.ts'

export interface VolumeUpdates {
  /** From now on the running pod's volumes follow what they show; called again whenever the pod may have changed. */
  keep(pod: Pod, place: PodPlace): void
  /** The pod is being stopped, or is gone. */
  drop(uid: string): void
  /** Brings all pods' volumes up to date now; resolves when that is done. */
  refreshAll(): Promise<void>
  readonly stopped: Promise<void>
}

interface Options {
  volumes: Pick<Volumes, 'refresh'>
  objects: Pick<WatchedObjects, 'hold' | 'onChange'>
  /** Told once for each message in a row. */
  warn: (pod: Pod, message: string) => void
  clock: Clock
  log: Logger
  signal: AbortSignal
}

/** For what no watch tells: more objects than may be watched, a file somebody else has changed. */
const SWEEP_MS = 120_000
const FIRST_MS = 3_000
const WORKERS = 4

interface Kept {
  pod: Pod
  place: PodPlace
  told?: string
}

export function startVolumeUpdates({ volumes, objects, warn, clock, log, signal }: Options): VolumeUpdates {
  const kept = new Map<string, Kept>()
  const queue = new WorkQueue({ clock, backoffMs: { min: 1_000, max: SWEEP_MS } })

  const refresh = async (uid: string) => {
    const entry = kept.get(uid)
    if (!entry) return undefined
    try {
      const { dueInMs } = await volumes.refresh(entry.pod, entry.place)
      delete entry.told
      return { againAfterMs: Math.min(SWEEP_MS, Math.max(1_000, dueInMs ?? SWEEP_MS)) }
    } catch (err) {
      const message = err instanceof Error ? err.message : String(err)
      if (kept.get(uid) !== entry || signal.aborted) return undefined
      if (entry.told !== message) warn(entry.pod, message)
      entry.told = message
      log.debug({ pod: entry.pod.metadata.name, err }, 'Cannot refresh volumes')
      // Its coming wakes this pod, too.
      return { againAfterMs: 30_000 }
    }
  }

  objects.onChange(owners => {
    for (const uid of owners) if (kept.has(uid)) queue.add(uid)
  })

  return {
    keep(pod, place) {
      const uid = pod.metadata.uid ?? ''
      const before = kept.get(uid)
      if (before && isSameForVolumes(before.pod, pod)) return
      if (!pod.spec.volumes?.some(isWritten)) return
      kept.set(uid, { pod, place })
      objects.hold(uid, followedBy(pod))
      // Soon also the first time, since something may have changed before there was a watch; but not while the pod is starting.
      queue.addAfter(uid, before ? 0 : FIRST_MS)
    },
    drop(uid) {
      if (kept.delete(uid)) objects.hold(uid, [])
    },
    async refreshAll() {
      for (const uid of [...kept.keys()]) if (!signal.aborted) await refresh(uid)
    },
    stopped: runController(queue, refresh, { log, signal, workers: WORKERS }),
  }
}

/** Spec aside, which does not change in what volumes show but for limits. */
function isSameForVolumes(a: Pod, b: Pod): boolean {
  if (a === b) return true
  const shown = ({ metadata, spec }: Pod) =>
    JSON.stringify([metadata.labels, metadata.annotations, spec.containers.map(({ resources }) => resources)])
  return shown(a) === shown(b)
}
