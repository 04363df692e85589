/** What is known of a pod that this agent, or this run of it, has nothing of yet. Pure. */
import type { Pod } from '@davit/api'
import { admitted, type Checkpoint } from './checkpoint.ts'
import { REFUSED } from './node-admission.ts'
import type { ProbeState } from './plan.ts'
import { recordsFromStatus } from './records.ts'

/** What was reported finished stays finished, also for an agent that starts with an empty directory. */
export function firstCheckpoint(pod: Pod, now: number): Checkpoint {
  const { phase, reason, message, startTime, podIP } = pod.status ?? {}
  return {
    format: 1,
    pod: admitted(pod),
    records: recordsFromStatus(pod),
    sandboxAttempt: -1,
    startedAt: startTime ? Date.parse(startTime) : now,
    ...(podIP && !pod.spec.hostNetwork && { address: podIP }),
    ...((phase === 'Succeeded' || phase === 'Failed') && {
      final: {
        phase,
        ...(reason && { reason }),
        ...(message && { message }),
        ...(message?.startsWith(REFUSED) && { isRefused: true as const }),
      },
    }),
    ...(pod.status && { status: pod.status }),
  }
}

/** What an earlier run of the agent had found by probing, so that its restart changes nobody's readiness. */
export function probedBefore({ status }: Checkpoint): Map<string, ProbeState> {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  return new Map(
    all.flatMap(({ containerID, state, ready, started = false }) =>
      containerID && state?.running ? [[containerID.replace('docker://', ''), { started, ready }] as const] : [],
    ),
  )
}

/** The pod is to run again though it was ended. */
export function forgetEnd(checkpoint: Checkpoint): void {
  delete checkpoint.final
  delete checkpoint.deletion
}
