/** What this node's pods are granted of its CPU, memory and devices, so that no two have the same. */
import { type PodResources, podResourceRequests } from '@davit/api'
import type { DownwardContext } from '../volumes/index.ts'
import { giveDevices, type NodeDevices, tooFewDevices } from './devices.ts'
import { grant, withAllocated } from './resize.ts'
import type { PodRuntime } from './runtime.ts'

/** Settles in the pod's checkpoint what it is granted; `all` are this node's pods, by uid. */
export function allot(
  runtime: PodRuntime,
  all: ReadonlyMap<string, PodRuntime>,
  { allocatable, devices = {} }: { allocatable: DownwardContext['allocatable']; devices?: NodeDevices },
): void {
  const { checkpoint, pod, uid } = runtime
  const others = [...all.values()].filter(other => other.uid !== uid && !other.checkpoint.final)
  const { allocated, pending } = grant(checkpoint, { allocatable, others: () => requested(others) })
  checkpoint.allocated = allocated
  if (pending) checkpoint.pendingResize = pending
  else delete checkpoint.pendingResize
  if (checkpoint.devices || Object.keys(devices).length === 0) return
  const taken = others.flatMap(other => (other.checkpoint.devices ? [other.checkpoint.devices] : []))
  const given = giveDevices(pod, devices, taken)
  if (given) checkpoint.devices = given
  else runtime.refusal = { reason: 'UnexpectedAdmissionError', message: tooFewDevices(pod, devices, taken) }
}

function requested(runtimes: readonly PodRuntime[]): Pick<PodResources, 'milliCpu' | 'memoryBytes'> {
  const total = { milliCpu: 0, memoryBytes: 0 }
  for (const { pod, checkpoint } of runtimes) {
    const { milliCpu, memoryBytes } = podResourceRequests({ spec: withAllocated(pod, checkpoint.allocated).spec })
    total.milliCpu += milliCpu
    total.memoryBytes += memoryBytes
  }
  return total
}
