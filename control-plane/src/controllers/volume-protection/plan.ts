/** Claims and volumes that are in use stay until they are not: pure. */
import { isPodFinished, type PersistentVolume, type PersistentVolumeClaim, type Pod, VOLUMES } from '@davit/api'
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

/** Whether something must still be removed by an agent, which then deletes the object. */
export function isToBeCleaned({ metadata, spec, status }: PersistentVolume): boolean {
  const isOurs = metadata.annotations?.[VOLUMES.provisionedBy] === VOLUMES.provisioner
  return isOurs && spec.persistentVolumeReclaimPolicy === 'Delete' && status?.phase !== 'Available'
}

/** The node whose agent does it; one that every node can reach has none before it is released. */
export function cleanerOf({ metadata }: PersistentVolume): string | undefined {
  return metadata.labels?.[VOLUMES.hostnameLabel]
}

/** The finalizers without `name`; undefined when it is not among them or the object is not to go. */
export function finalizersWithout({ metadata }: PersistentVolume | PersistentVolumeClaim, name: string): string[] | undefined {
  if (metadata.deletionTimestamp === undefined || !metadata.finalizers?.includes(name)) return undefined
  return metadata.finalizers.filter(finalizer => finalizer !== name)
}
