/** What is to be done about a volume: pure. */
import {
  formatTime,
  isNodeReady,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type PersistentVolumePhase,
  type PersistentVolumeStatus,
  VOLUMES,
} from '@davit/api'
import { ANNOTATIONS } from '../../volumes/index.ts'
import { type Action, event } from './actions.ts'
import { takesPods } from './choose-node.ts'

export interface ObservedVolume {
  readonly volume: PersistentVolume
  /** The claim of the name in `claimRef`, undefined when there is none: by a read that is as new as the volume. */
  readonly claim: PersistentVolumeClaim | undefined
  readonly nodes: ReadonlyMap<string, Node>
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** Brings the volume's phase up to date, and what follows from its claim being gone. */
export function planVolume(observed: ObservedVolume): Action[] {
  const { volume, now } = observed
  const { claimRef } = volume.spec
  // Kept for a claim of that name: still free, but not for others.
  if (!claimRef?.uid) {
    const isKept = claimRef && observed.claim ? [lookAt(observed.claim)] : []
    return [...setPhase(volume, { phase: 'Available' }, now), ...isKept]
  }
  const claim = observed.claim?.metadata.uid === claimRef.uid ? observed.claim : undefined
  if (!claim) return [...release(volume, now), ...planReclaim(observed)]
  if (!claim.spec.volumeName) return [lookAt(claim)]
  if (claim.spec.volumeName === volume.metadata.name) return setPhase(volume, { phase: 'Bound' }, now)
  // The claim found another while this one was made or chosen for it.
  if (isProvisioned(volume) && volume.spec.persistentVolumeReclaimPolicy === 'Delete') {
    return [...release(volume, now), ...planReclaim(observed)]
  }
  return [{ kind: 'write-volume', volume: unbound(volume) }]
}

function lookAt({ metadata }: PersistentVolumeClaim): Action {
  return { kind: 'look-at-claim', key: `${metadata.namespace}/${metadata.name}` }
}

function release(volume: PersistentVolume, now: number): Action[] {
  return volume.status?.phase === 'Failed' ? [] : setPhase(volume, { phase: 'Released' }, now)
}

function planReclaim({ volume, nodes, now }: ObservedVolume): Action[] {
  switch (volume.spec.persistentVolumeReclaimPolicy) {
    case 'Recycle':
      return fail(volume, 'VolumeFailedRecycle', 'No recycler plugin found for the volume!', now)
    case 'Delete':
      if (isProvisioned(volume)) return labelForRemoval(volume, nodes)
      // Somebody else made it, and removes it.
      if (volume.metadata.annotations?.[ANNOTATIONS.provisionedBy]) return []
      return fail(
        volume,
        'VolumeFailedDelete',
        `error getting deleter volume plugin for volume "${volume.metadata.name}": no volume plugin matched`,
        now,
      )
    default:
      return []
  }
}

function isProvisioned({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[ANNOTATIONS.provisionedBy] === VOLUMES.provisioner
}

/** The agent of the labelled node removes the data. Of a volume that every node can reach, any live one does. */
function labelForRemoval(volume: PersistentVolume, nodes: ReadonlyMap<string, Node>): Action[] {
  if (volume.spec.nodeAffinity) return []
  const labelled = nodes.get(volume.metadata.labels?.[VOLUMES.hostnameLabel] ?? '')
  if (labelled && isNodeReady(labelled)) return []
  const chosen = [...nodes.values()].find(takesPods)?.metadata.name
  if (chosen === undefined) return []
  const labels = { ...volume.metadata.labels, [VOLUMES.hostnameLabel]: chosen }
  return [{ kind: 'write-volume', volume: { ...volume, metadata: { ...volume.metadata, labels } } }]
}

function fail(volume: PersistentVolume, reason: string, message: string, now: number): Action[] {
  const steps = setPhase(volume, { phase: 'Failed', message }, now)
  return steps.length > 0 ? [...steps, event(volume, 'Warning', reason, message)] : []
}

/** A phase is written once, when it begins: what others have put into the status beside it stays. */
function setPhase(volume: PersistentVolume, { phase, message }: { phase: PersistentVolumePhase; message?: string }, now: number): Action[] {
  const { message: _old, ...status } = volume.status ?? {}
  if (status.phase === phase) return []
  const written: PersistentVolumeStatus = { ...status, phase, ...(message && { message }), lastPhaseTransitionTime: formatTime(now) }
  return [{ kind: 'write-volume-status', volume, status: written }]
}

/** The volume as it is free again. What the user wrote stays; only what we added is taken back. */
function unbound(volume: PersistentVolume): PersistentVolume {
  const { [ANNOTATIONS.boundByController]: byController, ...annotations } = volume.metadata.annotations ?? {}
  const { claimRef, ...spec } = volume.spec
  const kept = !byController && claimRef ? { claimRef: withoutUid(claimRef) } : {}
  return { ...volume, metadata: { ...volume.metadata, annotations }, spec: { ...spec, ...kept } }
}

function withoutUid({ uid: _, resourceVersion: __, ...claimRef }: NonNullable<PersistentVolume['spec']['claimRef']>) {
  return claimRef
}
