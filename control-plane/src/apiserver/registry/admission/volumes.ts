/** What Kubernetes' admission does for claims and volumes: default class, protection while in use, who may grow. */
import { compareQuantities, forbidden, type PersistentVolumeClaim, storageClassKind } from '@davit/api'
import { defaultClass, FINALIZERS } from '../../../volumes/index.ts'
import type { Lookups } from './lookups.ts'
import type { AdmissionRule } from './rule.ts'

/** A claim that names no class gets the cluster's default. `""` is a name: of no class at all. */
export function defaultStorageClass({ all }: Lookups): AdmissionRule {
  return {
    resources: ['persistentvolumeclaims'],
    async admit({ object }) {
      const { spec } = object as PersistentVolumeClaim
      if (!spec || spec.storageClassName !== undefined) return
      const name = defaultClass(await all(storageClassKind))?.metadata.name
      if (name !== undefined) spec.storageClassName = name
    },
  }
}

/** Claims and volumes stay while they are used: a controller takes the finalizer away when they are not. */
export function storageObjectInUseProtection(): AdmissionRule {
  return {
    resources: ['persistentvolumeclaims', 'persistentvolumes'],
    admit({ kind, object }) {
      const finalizer = kind.kind === 'PersistentVolume' ? FINALIZERS.volume : FINALIZERS.claim
      const { finalizers = [] } = object.metadata
      if (!finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer]
    },
  }
}

/** A claim may ask for more only when its class lets it. */
export function claimResize({ find }: Lookups): AdmissionRule {
  return {
    resources: ['persistentvolumeclaims'],
    onUpdate: true,
    async admit({ kind, object, old, context }) {
      if (!old) return
      const claim = object as PersistentVolumeClaim
      const before = old as PersistentVolumeClaim
      const sizeOf = ({ spec }: PersistentVolumeClaim) => spec?.resources?.requests?.storage ?? 0
      if (compareQuantities(sizeOf(claim), sizeOf(before)) <= 0) return
      const name = claim.metadata.name ?? ''
      // Said by validation, which knows of more that may not change.
      if (before.status?.phase !== 'Bound') return
      const storageClass = await find(storageClassKind, { name: before.spec.storageClassName ?? '' }, context.signal)
      if (storageClass?.allowVolumeExpansion) return
      throw forbidden(
        kind,
        name,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      )
    },
  }
}
