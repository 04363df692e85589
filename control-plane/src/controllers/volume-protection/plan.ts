/** Claims and volumes that are in use stay until they are not: pure. */
import { isPodFinished, type PersistentVolume, type PersistentVolumeClaim, type Pod } from '@davit/api'
import { podUsesClaim, volumeBelongsTo } from '../../volumes/index.ts'

/** Whether a pod may be writing to the claim. Pods that have no node yet do not hold it: none will get one with it. */
export function isClaimInUse(claim: PersistentVolumeClaim, pods: Iterable<Pod>): boolean {
  for (const pod of pods) if (pod.spec?.nodeName && !isPodFinished(pod) && podUsesClaim(pod, claim)) return true
  return false
}

/** Whether the volume's claim is still there. `claim` is what its `claimRef` names. */
export function isVolumeInUse(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): boolean {
  return claim !== undefined && volumeBelongsTo(volume, claim)
}

/** The finalizers without `name`; undefined when it is not among them or the object is not to go. */
export function finalizersWithout({ metadata }: PersistentVolume | PersistentVolumeClaim, name: string): string[] | undefined {
  if (metadata.deletionTimestamp === undefined || !metadata.finalizers?.includes(name)) return undefined
  return metadata.finalizers.filter(finalizer => finalizer !== name)
}
