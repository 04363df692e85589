import type { PersistentVolume, PersistentVolumeClaim } from '@davit/api'
import { ANNOTATIONS } from './annotations.ts'

/** What a volume says of the claim it belongs to. */
export function claimReference({ metadata }: PersistentVolumeClaim) {
  const { name = '', namespace = '', uid = '', resourceVersion } = metadata
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, ...(resourceVersion && { resourceVersion }) }
}

/** The volume as it belongs to the claim. */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
  const { metadata, spec } = volume
  // A user who named the claim on the volume keeps it for that name: only what we chose may we take back.
  const annotations = spec.claimRef ? metadata.annotations : { ...metadata.annotations, [ANNOTATIONS.boundByController]: 'yes' }
  return {
    ...volume,
    metadata: { ...metadata, ...(annotations && { annotations }) },
    spec: { ...spec, claimRef: claimReference(claim) },
  }
}
