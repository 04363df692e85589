/** What claims, volumes and pods are to each other: pure. */
import {
  isDefaultStorageClass,
  matchesNodeSelector,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
  VOLUMES,
  type Volume,
} from '@davit/api'
import { newestDefault } from '../newest-default.ts'
import { ANNOTATIONS } from './annotations.ts'

/** One volume of a pod that is a claim. */
export interface PodClaim {
  /** Name of the claim, in the pod's namespace. */
  readonly name: string
  /** The claim is the pod's own: made for it and owned by it. */
  readonly ephemeral: boolean
}

/** Name of the claim made for an ephemeral volume. */
export function ephemeralClaimName(pod: Pod, volume: Pick<Volume, 'name'>): string {
  return `${pod.metadata.name}-${volume.name}`
}

/** The claim behind a volume of the pod; undefined when it is of another sort. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  return volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && ephemeralClaimName(pod, volume))
}

/** The claims a pod mounts, each once. */
export function claimsOf(pod: Pod): PodClaim[] {
  const claims = new Map<string, PodClaim>()
  for (const volume of pod.spec?.volumes ?? []) {
    const name = claimNameOf(pod, volume)
    if (name !== undefined) claims.set(name, { name, ephemeral: volume.ephemeral !== undefined })
  }
  return [...claims.values()]
}

export function podUsesClaim(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  return pod.metadata.namespace === metadata.namespace && claimsOf(pod).some(({ name }) => name === metadata.name)
}

/** Whether the pod controls the claim, as it must an ephemeral one: a claim that only has the same name is not its own. */
export function isOwnedBy({ metadata }: PersistentVolumeClaim, pod: Pod): boolean {
  return metadata.ownerReferences?.some(owner => owner.controller && owner.uid === pod.metadata.uid) ?? false
}

/** Whether the volume is bound to this very claim. */
export function volumeBelongsTo({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  return claimRef?.uid === metadata.uid && claimRef?.name === metadata.name && claimRef?.namespace === metadata.namespace
}

/** Whether the volume belongs to the claim, or is kept for one of that name. */
export function isKeptFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec
  if (claimRef?.uid) return volumeBelongsTo(volume, claim)
  return claimRef?.name === claim.metadata.name && claimRef?.namespace === claim.metadata.namespace
}

/** Both sides say so, and the binding was completed: a pod may run with it. */
export function isBound({ metadata, spec, status }: PersistentVolumeClaim): boolean {
  return Boolean(spec.volumeName) && metadata.annotations?.[ANNOTATIONS.bindCompleted] !== undefined && status?.phase === 'Bound'
}

export function reachesNode({ spec }: PersistentVolume, node: Node): boolean {
  return !spec.nodeAffinity?.required || matchesNodeSelector(spec.nodeAffinity.required, node)
}

/** The one node from which the volume can be reached; undefined when there may be several. */
export function onlyNodeOf({ spec }: PersistentVolume): string | undefined {
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? []
  const names = terms.map(({ matchExpressions = [], matchFields = [] }) => {
    const named = [
      ...matchExpressions.filter(({ key }) => key === VOLUMES.hostnameLabel),
      ...matchFields.filter(({ key }) => key === 'metadata.name'),
    ].find(({ operator, values = [] }) => operator === 'In' && values.length === 1)
    return named?.values?.[0]
  })
  return new Set(names).size === 1 ? names[0] : undefined
}

/** The class that claims get which name none. */
export function defaultClass(classes: Iterable<StorageClass>): StorageClass | undefined {
  return newestDefault(classes, isDefaultStorageClass)
}

/** Whether the class lets volumes be made on the node. */
export function allowsTopology({ allowedTopologies = [] }: StorageClass, { metadata }: Node): boolean {
  if (allowedTopologies.length === 0) return true
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(metadata.labels?.[key] ?? '')),
  )
}
