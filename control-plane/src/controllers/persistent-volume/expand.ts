/** Volumes that grow: pure. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#expanding-persistent-volumes-claims */
import { compareQuantities, type PersistentVolume, type PersistentVolumeClaim, type StorageClass, VOLUMES } from '@davit/api'
import { ANNOTATIONS } from '../../volumes/index.ts'
import { type Action, event } from './actions.ts'

const RESIZING = ['Resizing', 'FileSystemResizePending', 'ControllerResizeError', 'NodeResizeError']

/**
 * What gives a bound claim the size it asks for. A directory, or a volume of Docker's own driver, has the whole disk anyway: it
 * has grown as soon as both objects say so.
 */
export function planExpansion(claim: PersistentVolumeClaim, volume: PersistentVolume, storageClass: StorageClass | undefined): Action[] {
  const wanted = claim.spec.resources?.requests?.storage ?? 0
  // A static volume may be larger than what was asked; then nothing is to do.
  if (compareQuantities(wanted, claim.status?.capacity?.storage ?? 0) <= 0 || !storageClass?.allowVolumeExpansion) return []
  if (volume.metadata.annotations?.[ANNOTATIONS.provisionedBy] !== VOLUMES.provisioner) {
    return [event(claim, 'Normal', 'ExternalExpanding', 'waiting for an external controller to expand this PVC')]
  }
  const driver = volume.spec.csi?.volumeAttributes?.driver
  if (driver !== undefined && driver !== 'local') {
    return [
      event(
        claim,
        'Warning',
        'VolumeResizeFailed',
        `resize volume "${volume.metadata.name}" failed: Docker cannot resize volumes of driver "${driver}"`,
      ),
    ]
  }
  const actions: Action[] = []
  // The volume first: what the claim says it has must be true.
  if (compareQuantities(volume.spec.capacity?.storage ?? 0, wanted) < 0) {
    actions.push({
      kind: 'write-volume',
      volume: { ...volume, spec: { ...volume.spec, capacity: { ...volume.spec.capacity, storage: wanted } } },
    })
  }
  const { conditions, ...status } = claim.status ?? {}
  const others = conditions?.filter(({ type }) => !RESIZING.includes(type)) ?? []
  actions.push({
    kind: 'write-claim-status',
    claim,
    status: { ...status, capacity: { ...status.capacity, storage: wanted }, ...(others.length > 0 && { conditions: others }) },
  })
  actions.push(event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded'))
  return actions
}
