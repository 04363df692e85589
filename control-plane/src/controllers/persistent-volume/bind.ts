/**
 * Binding, from both sides. The volume is written first and with it everything is decided: its `claimRef` can have one value
 * only. Whoever is killed after any of the steps leaves what the next look at the claim completes.
 */
import { isDeepStrictEqual } from 'node:util'
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus } from '@davit/api'
import { ANNOTATIONS, boundVolume, volumeBelongsTo } from '../../volumes/index.ts'
import type { Action } from './actions.ts'

/** What is left to do until both say that they belong together; nothing once they do. */
export function bindingSteps(claim: PersistentVolumeClaim, volume: PersistentVolume): Action[] {
  const actions: Action[] = []
  if (!volumeBelongsTo(volume, claim)) actions.push({ kind: 'write-volume', volume: boundVolume(volume, claim) })
  const bound = boundClaim(claim, volume)
  if (!isDeepStrictEqual(bound, claim)) actions.push({ kind: 'write-claim', claim: bound })
  const status = boundStatus(claim, volume)
  if (!isDeepStrictEqual(status, claim.status)) actions.push({ kind: 'write-claim-status', claim: bound, status })
  return actions
}

function boundClaim(claim: PersistentVolumeClaim, volume: PersistentVolume): PersistentVolumeClaim {
  const { metadata, spec } = claim
  const volumeName = volume.metadata.name ?? ''
  const annotations = {
    ...metadata.annotations,
    ...(spec.volumeName !== volumeName && { [ANNOTATIONS.boundByController]: 'yes' }),
    [ANNOTATIONS.bindCompleted]: 'yes',
  }
  return { ...claim, metadata: { ...metadata, annotations }, spec: { ...spec, volumeName } }
}

/** Capacity is taken over once; from then on it follows what expansion has done. */
function boundStatus({ status = {} }: PersistentVolumeClaim, { spec }: PersistentVolume): PersistentVolumeClaimStatus {
  const capacity = status.phase === 'Bound' && status.capacity ? status.capacity : spec.capacity
  return {
    ...status,
    phase: 'Bound',
    ...(spec.accessModes && { accessModes: spec.accessModes }),
    ...(capacity && { capacity }),
  }
}
