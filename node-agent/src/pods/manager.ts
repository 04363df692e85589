/**
 * Runs this node's pods: gathers what is wanted, what Docker shows and what is remembered, lets `planPod` decide, and performs it.
 * One worker a pod at a time; whatever changes (the API, Docker, a probe, a task's end) only says which pod to look at.
 */
import { isStaticPod, type Pod, runController, WorkQueue } from '@davit/api'
import { SANDBOX } from '../docker/index.ts'
import { startVolumeUpdates, type VolumeUpdates, type VolumeUsage } from '../volumes/index.ts'
import { allot } from './allot.ts'
import { admitted } from './checkpoint.ts'
import { specContainer } from './containers.ts'
import type { Deps } from './deps.ts'
import { type Ending, type EndOptions, endPod, evictPod } from './end-pod.ts'
import { firstCheckpoint, forgetEnd, probedBefore } from './first-checkpoint.ts'
import { retryArrived, retryChangedSecrets } from './image-retry.ts'
import { makeDeps, type PodManagerOptions } from './make-deps.ts'
import { refusalOf } from './node-admission.ts'
import { hurry, type Performer, perform } from './perform.ts'
import { anchorOf, type Observed, planPod } from './plan.ts'
import { Prober } from './prober.ts'
import { absorb } from './records.ts'
import { PodRuntime } from './runtime.ts'
import { NO_STATIC_PODS, podSource } from './source.ts'
import { claimPorts, volumePlace } from './start.ts'
import { podStatus } from './status.ts'
import { StatusWriter } from './status-writer.ts'
import { sweepDirectories, sweepOrphan } from './sweep.ts'
import { tellBackOff } from './tell-back-off.ts'
import { terminationMessage } from './termination-message.ts'
import { type PodViews, podViews } from './views.ts'

export interface PodManager extends PodViews {
  /**
   * Ends a pod for good: phase Failed, reason Evicted, with an Event. Resolves once nothing of it runs any more, or with `signal`;
   * false when there is no such pod here, or it has ended already.
   */
  evict(uid: string, options: { message: string; graceSeconds: number; signal: AbortSignal }): Promise<boolean>
  /** The same for another reason, and without an Event. */
  end(uid: string, options: EndOptions): Promise<boolean>
  /** Resolves once the API knows the latest status of every pod, or with `signal`. */
  flushStatuses(signal: AbortSignal): Promise<void>
  /** What the pod's volumes hold; measured off the hot path, good for ten seconds. */
  volumeUsage(uid: string): Promise<VolumeUsage[]>
  /** Looks at all pods again, as after something they wait for came back. */
  wakeAll(): void
  /** True while containers are being started. */
  readonly isStarting: boolean
  /** Brings changed ConfigMaps and Secrets into running pods now; happens by itself when they change. */
  refreshVolumes(): Promise<void>
  /** Settles once nothing runs here any more; containers stay. */
  readonly stopped: Promise<void>
}

/** How long the first list from the API is waited for before checkpoints alone decide. */
const API_MS_MAX = 5_000
/** How often it is looked whether a pull that was refused has other credentials now. */
const RETRY_MS = 15_000
const WORKERS = 16
/** How soon what did not fit, on the disk or beside others, is tried again. */
const NO_ROOM_MS = 10_000
/** How soon it is looked again whether a pod of the same name has gone. */
const PREDECESSOR_MS = 500
const IMAGE_NAMES_MAX = 1_000

/** Adopts what runs and goes on from there. Resolves when running; the containers must be listed before. */
export async function startPodManager(options: PodManagerOptions): Promise<PodManager> {
  const { client, docker, containers, pods, network, clock, log, signal } = options
  const queue = new WorkQueue({ clock, backoffMs: { min: 50, max: 15_000 } })
  const wake = (uid: string, delayMs = 0) => queue.addAfter(uid, delayMs)
  const runtimes = new Map<string, PodRuntime>()
  /** Pods whose object this agent has deleted; the informer may still show them. */
  const finished = new Set<string>()
  const deps = makeDeps(options)
  const prober = new Prober({ docker, events: deps.events, clock, log, onChange: wake, signal })
  const statuses = new StatusWriter(client, { isBusy: () => deps.startLimit.isBusy, clock, log, signal })
  const warn = (pod: Pod, message: string) => deps.events.warning(pod, 'FailedMount', message)
  const updates = startVolumeUpdates({ ...options, warn })
  const forget = (uid: string) => {
    const { gone } = runtimes.get(uid) ?? {}
    updates.drop(uid)
    runtimes.delete(uid)
    // What it leaves may be what another waits for.
    for (const [other, { checkpoint }] of runtimes) if (checkpoint.pendingResize) wake(other)
    if (!gone && shownOf(uid)) finished.add(uid)
  }
  const imageNames = new Map<string, string>()
  const performer: Performer = { deps, client, statuses, prober, wake, forget, signal }
  const source = podSource(pods, options.statics ?? NO_STATIC_PODS)
  const shownOf = source.shown

  for (const checkpoint of await deps.checkpoints.load(log)) {
    const uid = checkpoint.pod.metadata.uid ?? ''
    // What a machine that went down has ended comes back with it, where nobody else replaces it.
    if (isStaticPod(checkpoint.pod) && checkpoint.final?.isDisruption) forgetEnd(checkpoint)
    runtimes.set(uid, new PodRuntime(checkpoint, undefined))
    if (checkpoint.address && !checkpoint.pod.spec.hostNetwork && !checkpoint.final) network.adopt(uid, checkpoint.address)
  }

  const admit = (uid: string): PodRuntime | undefined => {
    const known = runtimes.get(uid)
    const shown = shownOf(uid)
    if (known || !shown || finished.has(uid)) return known
    // A file that was changed is another pod of the same name: its predecessor ends first.
    if (isStaticPod(shown) && [...runtimes.values()].some(other => isSameName(other.pod, shown))) {
      wake(uid, PREDECESSOR_MS)
      return undefined
    }
    const runtime = new PodRuntime(firstCheckpoint(shown, clock.now()), shown)
    const isNew = !shown.status?.startTime && !shown.metadata.deletionTimestamp && containers.ofPod(uid).length === 0
    const refusal = isNew ? options.refuse?.(shown) : undefined
    if (refusal) runtime.refusal = refusal
    runtimes.set(uid, runtime)
    return runtime
  }

  const reconcile = async (uid: string): Promise<undefined> => {
    // Nothing is known while Docker is silent, so nothing is decided: it wakes all pods when it is back.
    if (containers.problem !== undefined) return
    const runtime = admit(uid)
    const hasApi = pods.hasSynced && options.isOwnCluster()
    if (!runtime) return hasApi && !finished.has(uid) ? sweepOrphan(uid, deps, signal) : undefined
    const { checkpoint } = runtime
    if (runtime.busy.has('finish')) return
    runtime.shown = shownOf(uid)
    // What came back while it is being stopped, as a file that was put back, is started anew after its end.
    runtime.gone ||= source.isGone(checkpoint.pod, hasApi)
    if (runtime.shown) checkpoint.pod = admitted(runtime.shown)
    if (!checkpoint.final) allot(runtime, runtimes, options)
    // Others may make room without leaving.
    if (checkpoint.pendingResize) wake(uid, NO_ROOM_MS)
    hurry(runtime, deps)

    const observed = await observe(runtime)
    // A pull or a hook under way would hold up its end.
    if (observed.leaving || checkpoint.final) runtime.abandonStarts()
    const status = podStatus({
      ...observed,
      current: runtime.shown?.status,
      hostIp: deps.hostIp,
      wallNow: clock.now(),
      imageIds: imageNames,
    })
    checkpoint.status = status
    // Before anything is told or done. Of a pod just seen nothing is known yet that its preparation will not write.
    if (runtime.prepared || checkpoint.final || observed.leaving) await keep(runtime, observed.leaving)
    const actions = planPod(observed)
    // How this one ends is no news of the one that follows it.
    const reported = runtime.gone ? undefined : runtime.shown && source.reported(uid)
    if (reported) statuses.set(reported, status)
    tellBackOff(runtime, observed, { deps, wake })
    followVolumes(runtime, observed, { deps, updates })
    if (anchorOf(observed.containers) && !observed.leaving) await claimPorts(runtime, deps)
    // Whoever is on the host's network, or has lost the pod's, still uses its volumes.
    if (checkpoint.final && runtime.busy.size === 0 && observed.containers.every(({ state }) => state !== 'running')) {
      network.release(uid)
      deps.hostPorts.release(uid)
      if (!runtime.volumesReleased) runtime.run('release', () => releaseVolumes(runtime, deps), { deps, wake: () => wake(uid) })
    }
    for (const action of actions) await perform(action, runtime, performer)
    if (!runtime.busy.has('finish') && runtimes.get(uid) === runtime) await keep(runtime, observed.leaving)
    return undefined
  }

  const admissionFacts = () => ({
    allowedUnsafeSysctls: options.allowedUnsafeSysctls ?? [],
    hasAppArmor: docker.engine.hasAppArmor,
  })
  const ending: Ending = { runtimes, deps, wake, signal }

  /** A full disk stops nothing that runs or is to go; only that a pod has ended is not told before it is remembered. */
  const keep = async ({ checkpoint, uid }: PodRuntime, leaving: boolean) => {
    if (await deps.checkpoints.saveIfRoom(checkpoint)) return
    const { phase } = checkpoint.status ?? {}
    if (!leaving && (phase === 'Succeeded' || phase === 'Failed'))
      throw new Error(`Cannot write down the end of pod "${checkpoint.pod.metadata.name}": the disk is full`)
    wake(uid, NO_ROOM_MS)
  }

  const observe = async (runtime: PodRuntime): Promise<Observed> => {
    const { checkpoint, uid, busy, endedAt } = runtime
    const present = containers.ofPod(uid)
    const messages = await lastWords(runtime)
    for (const { imageId } of present) if (!imageNames.has(imageId)) await nameImage(imageId)
    const absorbed = absorb(checkpoint, present, { now: clock.now(), messages, busy })
    checkpoint.records = absorbed.records
    checkpoint.sandboxAttempt = absorbed.sandboxAttempt
    const now = runtime.noteEnds(clock)
    const leaving = runtime.gone || checkpoint.pod.metadata.deletionTimestamp !== undefined
    const running = present.filter(({ state, container }) => state === 'running' && container !== SANDBOX)
    const address = runtime.downward(deps).podIp
    prober.sync(
      checkpoint.pod,
      running.flatMap(info => {
        const spec = specContainer(checkpoint.pod, info.container)?.spec
        return spec ? [{ info, spec }] : []
      }),
      { address, leaving, before: probedBefore(checkpoint) },
    )
    const deadlineMs = checkpoint.pod.spec.activeDeadlineSeconds
    const hasBegun = Object.keys(checkpoint.records).length > 0
    return {
      checkpoint,
      refusal: hasBegun ? undefined : (refusalOf(checkpoint.pod, admissionFacts()) ?? runtime.refusal),
      leaving,
      prepared: runtime.prepared,
      containers: present,
      busy,
      problems: runtime.problems,
      probes: prober.states(uid),
      endedAt,
      now,
      deadlineInMs: deadlineMs === undefined || checkpoint.final ? undefined : checkpoint.startedAt + deadlineMs * 1000 - clock.now(),
    }
  }

  /** By digest when it came from a registry. */
  const nameImage = async (id: string) => {
    const image = await docker.inspectImage(id)
    if (imageNames.size > IMAGE_NAMES_MAX) imageNames.clear()
    imageNames.set(id, image?.digests[0] ?? id)
  }

  const lastWords = async ({ checkpoint, uid }: PodRuntime): Promise<Map<string, string>> => {
    const messages = new Map<string, string>()
    for (const info of containers.ofPod(uid)) {
      const spec = specContainer(checkpoint.pod, info.container)?.spec
      const record = checkpoint.records[info.container]
      if (info.state !== 'exited' || !spec || (record?.ended && record.attempt >= info.attempt)) continue
      const path = deps.volumes.terminationLog(deps.checkpoints.podDir(uid), info.container, info.attempt)
      messages.set(info.id, await terminationMessage(info, spec, { docker, path }))
    }
    return messages
  }

  source.onChange((uid, deleted) => {
    if (deleted) finished.delete(uid)
    queue.add(uid)
  })
  containers.onChange(wake)
  const wakeAll = () => {
    for (const uid of new Set([...runtimes.keys(), ...containers.podUids(), ...source.uids()])) queue.add(uid)
  }
  containers.onProblemChange(wakeAll)
  const sweep = () => {
    if (!pods.hasSynced || !options.isOwnCluster()) return
    const isKnown = (uid: string) => runtimes.has(uid) || shownOf(uid) !== undefined || containers.ofPod(uid).length > 0
    Promise.all([sweepDirectories(isKnown, deps), deps.volumes.sweep(isKnown)]).catch((err: unknown) =>
      log.warn({ err }, 'Cannot sweep the directories of pods'),
    )
  }

  await Promise.race([pods.synced, clock.sleep(API_MS_MAX, signal)]).catch(() => {})
  wakeAll()
  // Removal waits for the first complete list: then everything is looked at once more.
  const onApi = () => {
    wakeAll()
    sweep()
  }
  pods.synced.then(onApi, () => {})
  const working = runController(queue, reconcile, { log, signal, workers: WORKERS })
  const wakeEach = (uids: readonly string[]) => {
    for (const uid of uids) queue.add(uid)
  }
  options.images.onChange(() => wakeEach(retryArrived(runtimes.values(), options.images, clock.monotonic())))
  const retrying = retryForEver(async () => wakeEach(await retryChangedSecrets(runtimes.values(), options.images, clock.monotonic())), {
    deps,
    signal,
  })
  return {
    ...podViews({ runtimes, containers, ownUid: source.ownUid }),
    wakeAll,
    refreshVolumes: updates.refreshAll,
    get isStarting() {
      return deps.startLimit.isBusy
    },
    async flushStatuses(until) {
      const uids = [...runtimes.keys()].flatMap(uid => source.reported(uid)?.metadata.uid ?? [])
      await Promise.all(uids.map(uid => statuses.flushed(uid, until)))
    },
    volumeUsage: async uid => {
      const runtime = runtimes.get(uid)
      return runtime ? deps.volumes.usage(runtime.pod, { dir: deps.checkpoints.podDir(uid) }) : []
    },
    end: (uid, how) => endPod(uid, how, ending),
    evict: (uid, how) => evictPod(uid, how, ending),
    stopped: Promise.all([working, updates.stopped, retrying, statuses.stopped]).then(() => {}),
  }
}

/** While the pod runs its volumes follow what they show; a pod that is leaving keeps what it has. */
function followVolumes(
  runtime: PodRuntime,
  { checkpoint, containers, leaving }: Observed,
  { deps, updates }: { deps: Deps; updates: VolumeUpdates },
): void {
  const runs = containers.some(({ state }) => state === 'running')
  if (runs && !leaving && !checkpoint.final) updates.keep(runtime.pod, volumePlace(runtime, deps))
  else if (leaving || checkpoint.final) updates.drop(runtime.uid)
}

/** A pod that has ended for good gives its volumes back before it is deleted: another may wait for its claim. */
async function releaseVolumes(runtime: PodRuntime, { volumes, checkpoints }: Deps): Promise<void> {
  await volumes.release(checkpoints.podDir(runtime.uid))
  runtime.volumesReleased = true
}

async function retryForEver(retry: () => Promise<void>, { deps, signal }: { deps: Deps; signal: AbortSignal }): Promise<void> {
  for (;;) {
    await deps.clock.sleep(RETRY_MS, signal).catch(() => {})
    if (signal.aborted) return
    await retry()
  }
}

function isSameName({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
  return a.namespace === b.namespace && a.name === b.name
}
