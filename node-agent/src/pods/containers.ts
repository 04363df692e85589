/** Questions about a pod's containers that several parts ask. */
import { createHash } from 'node:crypto'
import type { Container, EphemeralContainer, Pod } from '@davit/api'
import type { Ended } from './checkpoint.ts'

export type Role = 'init' | 'sidecar' | 'main' | 'ephemeral'

export interface SpecContainer {
  readonly role: Role
  readonly spec: Container | EphemeralContainer
}

/** All containers the spec asks for: init containers and sidecars in their order, then the others. */
export function specContainers(pod: Pod): SpecContainer[] {
  return [
    ...(pod.spec.initContainers ?? []).map(spec => ({
      role: spec.restartPolicy === 'Always' ? ('sidecar' as const) : ('init' as const),
      spec,
    })),
    ...pod.spec.containers.map(spec => ({ role: 'main' as const, spec })),
    ...(pod.spec.ephemeralContainers ?? []).map(spec => ({ role: 'ephemeral' as const, spec })),
  ]
}

export function specContainer(pod: Pod, name: string): SpecContainer | undefined {
  return specContainers(pod).find(({ spec }) => spec.name === name)
}

/** `davit_<container>_<pod>_<namespace>_<uid8>_<attempt>`: the same for every agent that would make it. */
export function containerName(pod: Pod, container: string, attempt: number): string {
  const { name, namespace, uid } = pod.metadata
  return `davit_${container}_${name}_${namespace}_${uid?.slice(0, 8)}_${attempt}`
}

/** Label that tells whether a container was made from this image; `v1` names the format. */
export function imageHash(image: string): string {
  return `v1:${createHash('sha256').update(image).digest('hex').slice(0, 16)}`
}

/** True when the label is of a format we know and names another image. */
export function hasOtherImage(hash: string, image: string): boolean {
  return hash.startsWith('v1:') && hash !== imageHash(image)
}

/** Where the pod's network namespace comes from. `own`: a single container holds it during its first attempt. */
export function networkShape(pod: Pod): 'host' | 'own' | 'sandbox' {
  const several = pod.spec.containers.length > 1 || (pod.spec.initContainers?.length ?? 0) > 0
  if (pod.spec.shareProcessNamespace) return 'sandbox'
  if (pod.spec.hostNetwork) return 'host'
  return several ? 'sandbox' : 'own'
}

const BACKOFF_MS = { first: 10_000, max: 300_000 }
/** A run of this length ends the back-off. */
const RUN_MS_RESET = 600_000

/** How long after its end a container that has been restarted `crashes` times in a row waits: 0, 10 s, 20 s … 5 min. */
export function restartDelayMs(crashes: number): number {
  return crashes === 0 ? 0 : Math.min(BACKOFF_MS.max, BACKOFF_MS.first * 2 ** Math.min(crashes - 1, 10))
}

/** Restarts in a row that count after a run that ended so. */
export function crashesAfter(crashes: number, ended: Ended): number {
  const ranMs = ended.startedAt === undefined ? 0 : ended.finishedAt - ended.startedAt
  return ranMs >= RUN_MS_RESET ? 0 : crashes
}
