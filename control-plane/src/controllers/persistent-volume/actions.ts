import type { EventType, PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimStatus, PersistentVolumeStatus } from '@davit/api'

/** One thing to do; each write is made against the version that was observed, so that whoever is late changes nothing. */
export type Action =
  | { kind: 'create-volume'; volume: PersistentVolume }
  | { kind: 'write-volume'; volume: PersistentVolume }
  | { kind: 'write-volume-status'; volume: PersistentVolume; status: PersistentVolumeStatus }
  | { kind: 'write-claim'; claim: PersistentVolumeClaim }
  | { kind: 'write-claim-status'; claim: PersistentVolumeClaim; status: PersistentVolumeClaimStatus }
  | { kind: 'look-at-claim'; key: string }
  | { kind: 'event'; object: PersistentVolume | PersistentVolumeClaim; type: EventType; reason: string; message: string }

export function event(
  object: PersistentVolume | PersistentVolumeClaim,
  type: EventType,
  reason: string,
  message: string,
): Extract<Action, { kind: 'event' }> {
  return { kind: 'event', object, type, reason, message }
}
