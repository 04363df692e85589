/** From what Docker shows and what is remembered: what is known of each container. Pure. */
import type { ContainerStateTerminated, ContainerStatus, Pod } from '@davit/api'
import type { ContainerInfo } from '../docker/index.ts'
import { SANDBOX } from '../docker/index.ts'
import type { Checkpoint, ContainerRecord, Ended } from './checkpoint.ts'
import { crashesAfter, specContainers } from './containers.ts'

export interface Absorbed {
  records: Record<string, ContainerRecord>
  sandboxAttempt: number
}

/**
 * Brings the records up to what Docker shows. An attempt seen to have ended stays ended; one that is remembered as running and is
 * gone has ended in an unknown way. `messages` holds termination messages by container id.
 */
export function absorb(
  checkpoint: Checkpoint,
  containers: readonly ContainerInfo[],
  { now, messages, busy }: { now: number; messages: ReadonlyMap<string, string>; busy: ReadonlySet<string> },
): Absorbed {
  const records: Record<string, ContainerRecord> = {}
  const sandboxes = containers.filter(({ container }) => container === SANDBOX).map(({ attempt }) => attempt)
  const sandboxAttempt = Math.max(checkpoint.sandboxAttempt, ...sandboxes)

  for (const { spec } of specContainers(checkpoint.pod)) {
    const known = checkpoint.records[spec.name]
    const starting = busy.has(`start:${spec.name}`)
    // One that never ran counts once nobody is trying to start it any more; one merely created does not count at all.
    const newest = containers.findLast(
      ({ container, state, startedAt }) => container === spec.name && (startedAt !== undefined || (state === 'exited' && !starting)),
    )
    const record = newest && (!known || newest.attempt >= known.attempt) ? seen(known, newest, sandboxAttempt) : known
    if (!record) continue
    const shown = containers.find(({ id }) => id === record.containerId)
    const ended = record.ended ?? endOf(record, shown, { now, message: messages.get(record.containerId), starting })
    records[spec.name] = ended ? { ...record, ended } : record
  }
  return { records, sandboxAttempt }
}

function seen(known: ContainerRecord | undefined, info: ContainerInfo, sandbox: number): ContainerRecord {
  if (known?.containerId === info.id) return { ...known, imageId: info.imageId }
  // The same attempt made anew, after its first container could not be started for reasons of the node.
  const again = known?.attempt === info.attempt
  const last = again ? known.last : known?.ended
  const crashes = !known ? 0 : again || !known.ended || known.rerun ? known.crashes : crashesAfter(known.crashes, known.ended) + 1
  return {
    attempt: info.attempt,
    containerId: info.id,
    sandbox: Math.max(0, sandbox),
    imageId: info.imageId,
    crashes,
    ...(last && { last }),
  }
}

function endOf(
  record: ContainerRecord,
  shown: ContainerInfo | undefined,
  { now, message, starting }: { now: number; message: string | undefined; starting: boolean },
): Ended | undefined {
  if (shown?.state === 'exited') return exitOf(shown, now, message)
  // While one is being made it may not be listed yet.
  return shown || starting ? undefined : lost(record, now)
}

function exitOf(info: ContainerInfo, now: number, message: string | undefined): Ended {
  const neverStarted = info.startedAt === undefined && info.error !== ''
  const reason = neverStarted ? 'StartError' : info.oomKilled ? 'OOMKilled' : info.exitCode === 0 ? 'Completed' : 'Error'
  const text = neverStarted ? info.error : message
  return {
    exitCode: neverStarted ? info.exitCode || 128 : info.exitCode,
    reason,
    ...(text && { message: text }),
    ...(info.startedAt !== undefined && { startedAt: info.startedAt }),
    finishedAt: info.finishedAt ?? now,
    containerId: info.id,
  }
}

function lost({ containerId }: ContainerRecord, now: number): Ended {
  return {
    exitCode: 137,
    reason: 'ContainerStatusUnknown',
    message: 'The container could not be located when the pod was looked at; it used to be Running',
    finishedAt: now,
    containerId,
  }
}

/** What the API remembers of a pod of which this agent has no checkpoint: what was reported finished stays finished. */
export function recordsFromStatus(pod: Pod): Record<string, ContainerRecord> {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  const records: Record<string, ContainerRecord> = {}
  for (const status of [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses]) {
    const record = fromStatus(status)
    if (record) records[status.name] = record
  }
  return records
}

function fromStatus({ state, lastState, restartCount, containerID, imageID }: ContainerStatus): ContainerRecord | undefined {
  const ended = state?.terminated ?? (state?.waiting ? lastState?.terminated : undefined)
  const last = state?.waiting ? undefined : lastState?.terminated
  if (!state?.running && !ended) return undefined
  return {
    attempt: restartCount,
    containerId: (containerID ?? ended?.containerID ?? '').replace('docker://', ''),
    sandbox: 0,
    imageId: imageID,
    crashes: Math.min(restartCount, 6),
    ...(ended && { ended: endedFrom(ended) }),
    ...(last && { last: endedFrom(last) }),
  }
}

function endedFrom(terminated: ContainerStateTerminated): Ended {
  const { exitCode, reason = exitCode === 0 ? 'Completed' : 'Error', message, startedAt, finishedAt, containerID = '' } = terminated
  return {
    exitCode,
    reason,
    ...(message && { message }),
    ...(startedAt && { startedAt: Date.parse(startedAt) }),
    finishedAt: finishedAt ? Date.parse(finishedAt) : 0,
    containerId: containerID.replace('docker://', ''),
  }
}
