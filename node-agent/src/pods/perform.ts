/** Carries out what the plan decided. Quick steps are awaited; long ones become tasks whose end wakes the pod again. */
import { type Client, deadlineSignal, isReason, podKind } from '@davit/api'
import { failpoint } from '../failpoints/index.ts'
import type { Deps } from './deps.ts'
import { REFUSED } from './node-admission.ts'
import type { Action } from './plan.ts'
import type { Prober } from './prober.ts'
import type { PodRuntime } from './runtime.ts'
import { preparePod, startContainer, startSandbox } from './start.ts'
import { messageOf } from './start-failure.ts'
import type { StatusWriter } from './status-writer.ts'
import { stopContainer, terminatePod } from './stop.ts'

export interface Performer {
  readonly deps: Deps
  readonly client: Client
  readonly statuses: StatusWriter
  readonly prober: Prober
  /** Looks at the pod again, after `delayMs` when given. */
  readonly wake: (uid: string, delayMs?: number) => void
  /** Nothing of the pod is left. */
  readonly forget: (uid: string) => void
  readonly signal: AbortSignal
}

/** A status that does not land in this time does not hold up the deletion. */
const FLUSH_MS_MAX = 5_000

export async function perform(action: Action, runtime: PodRuntime, performer: Performer): Promise<void> {
  const { deps, wake, signal } = performer
  const { uid } = runtime
  const task = (name: string, work: () => Promise<void>) => runtime.run(name, work, { deps, wake: () => wake(uid) })
  switch (action.kind) {
    case 'prepare':
      return task('prepare', () => preparePod(runtime, deps))
    case 'start-sandbox':
      return task('sandbox', () => startSandbox(runtime, action.attempt, deps))
    case 'start-container':
      return task(`start:${action.name}`, () => startContainer(runtime, action, deps))
    case 'update-container':
      return task(`update:${action.id}`, () => updateContainer(runtime, action, deps))
    case 'stop-container':
      await noteRerun(runtime, action, deps)
      return task(`stop:${action.id}`, () => stopContainer(runtime, action, { deps, signal }))
    case 'remove-container':
      await deps.docker.removeContainer(action.id)
      await deps.containers.refresh(action.id)
      return
    case 'terminate':
      runtime.abandonStarts()
      return task('terminate', () => terminatePod(runtime, deps, signal))
    case 'conclude':
      runtime.checkpoint.final = {
        phase: action.phase,
        ...(action.isRefused && { isRefused: true }),
        ...(action.reason && { reason: action.reason }),
        ...(action.message && { message: action.isRefused ? `${REFUSED}${action.message}` : action.message }),
      }
      if (action.isRefused) deps.events.warning(runtime.pod, action.reason ?? '', action.message ?? '')
      else if (action.reason) deps.events.normal(runtime.pod, action.reason, action.message ?? '')
      return wake(uid)
    case 'finish':
      return task('finish', () => finish(runtime, performer))
    case 'again':
      return wake(uid, action.afterMs)
    default:
      action satisfies never
  }
}

async function updateContainer(
  runtime: PodRuntime,
  { id, name, limits, label }: Extract<Action, { kind: 'update-container' }>,
  { docker, checkpoints, events }: Deps,
): Promise<void> {
  try {
    await docker.updateContainer(id, limits)
  } catch (err) {
    events.warning(runtime.pod, 'ResizeError', `Error resizing container ${name}: ${messageOf(err)}`)
    throw err
  }
  const record = runtime.checkpoint.records[name]
  // Written anew while Docker was asked: this attempt may be over.
  if (record?.containerId !== id) return
  record.updated = label
  await checkpoints.save(runtime.checkpoint)
}

/** Before the container is stopped: after a crash it must not count as one that ended by itself. */
async function noteRerun(
  { checkpoint }: PodRuntime,
  { name, rerun }: Extract<Action, { kind: 'stop-container' }>,
  { checkpoints }: Deps,
): Promise<void> {
  const record = checkpoint.records[name]
  if (!rerun || !record) return
  record.rerun = true
  await checkpoints.save(checkpoint)
}

/** Takes away containers, mounts, address, the API's object, and last the checkpoint, so that a crash in between is made good. */
async function finish(runtime: PodRuntime, { deps, client, statuses, prober, forget, signal }: Performer): Promise<void> {
  const { uid, pod, gone } = runtime
  const dir = deps.checkpoints.podDir(uid)
  prober.stop(uid)
  if (!gone) await statuses.flushed(uid, deadlineSignal(FLUSH_MS_MAX, signal))
  try {
    for (const { id } of deps.containers.ofPod(uid)) {
      await deps.docker.removeContainer(id)
      await deps.containers.refresh(id)
      await failpoint('pods.stop.container-removed')
    }
    await deps.volumes.remove(dir)
    await failpoint('pods.stop.volumes-unmounted')
  } catch (err) {
    deps.events.warning(pod, 'FailedKillPod', `error cleaning up pod: ${messageOf(err)}`)
    throw err
  }
  deps.hostPorts.release(uid)
  if (!pod.spec.hostNetwork) deps.network.release(uid)
  if (!gone) await deleteObject(runtime, client, signal)
  await failpoint('pods.stop.object-deleted')
  await deps.checkpoints.remove(uid)
  await failpoint('pods.stop.directory-removed')
  statuses.forget(uid)
  forget(uid)
}

async function deleteObject({ pod, uid }: PodRuntime, client: Client, signal: AbortSignal): Promise<void> {
  const { name = '', namespace = '' } = pod.metadata
  const deadline = deadlineSignal(15_000, signal)
  try {
    await client.resource(podKind).delete({ name, namespace }, { gracePeriodSeconds: 0, preconditions: { uid }, signal: deadline })
  } catch (err) {
    if (!isReason(err, 'NotFound') && !isReason(err, 'Conflict')) throw err
  }
}

/** Brings a stop under way forward when the pod was deleted again with less grace. */
export function hurry(runtime: PodRuntime, deps: Pick<Deps, 'clock'>): void {
  const { deadline, stoppingAt } = runtime
  const grace = runtime.shown?.metadata.deletionGracePeriodSeconds
  if (!deadline || stoppingAt === undefined || grace === undefined) return
  deadline.bringForward(stoppingAt + grace * 1000 - deps.clock.monotonic())
}
