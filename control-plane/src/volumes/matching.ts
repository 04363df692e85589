/** Which volume a claim gets: pure. https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding */
import {
  compareQuantities,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Quantity,
  selectorFromLabelSelector,
} from '@davit/api'
import { isKeptFor, reachesNode } from './claims.ts'

interface Options {
  /** Only volumes that this node can reach. */
  node?: Node
  /** Only a volume that was kept for the claim: the first pod's node is not known yet. */
  keptOnly?: boolean
  /** Names of volumes that are promised to others. */
  taken?: ReadonlySet<string>
}

/** The volume kept for the claim, else the smallest free one that serves it. Of equals the first by name. */
export function bestVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  { node, keptOnly = false, taken }: Options = {},
): PersistentVolume | undefined {
  let best: PersistentVolume | undefined
  for (const volume of volumes) {
    const isKept = volume.spec.claimRef !== undefined && isKeptFor(volume, claim)
    if (volume.metadata.deletionTimestamp !== undefined || taken?.has(volume.metadata.name ?? '')) continue
    if (node && !reachesNode(volume, node)) continue
    if (isKept) {
      // Kept by the user's own word; but what is too small or of another mode cannot serve.
      if (compareQuantities(sizeOf(volume), askedBy(claim)) >= 0 && modeOf(volume.spec) === modeOf(claim.spec)) return volume
      continue
    }
    if (keptOnly || volume.spec.claimRef || volume.status?.phase !== 'Available') continue
    if (mismatch(claim, volume) !== undefined) continue
    const selector = claim.spec.selector
    if (selector && !selectorFromLabelSelector(selector).matches(volume.metadata.labels ?? {})) continue
    if (!best || isSmaller(volume, best)) best = volume
  }
  return best
}

/** Why the volume cannot serve the claim, in Kubernetes' words; undefined when it can. */
export function mismatch({ spec }: PersistentVolumeClaim, volume: PersistentVolume): string | undefined {
  if (compareQuantities(sizeOf(volume), spec.resources?.requests?.storage ?? 0) < 0) return 'requested PV is too small'
  if ((spec.storageClassName ?? '') !== (volume.spec.storageClassName ?? '')) return 'storageClassName does not match'
  if ((spec.volumeAttributesClassName ?? '') !== (volume.spec.volumeAttributesClassName ?? ''))
    return 'volumeAttributesClassName does not match'
  if (modeOf(spec) !== modeOf(volume.spec)) return 'incompatible volumeMode'
  const modes: readonly string[] = volume.spec.accessModes ?? []
  if (!(spec.accessModes ?? []).every(mode => modes.includes(mode))) return 'incompatible accessMode'
  return undefined
}

function isSmaller(a: PersistentVolume, b: PersistentVolume): boolean {
  const order = compareQuantities(sizeOf(a), sizeOf(b))
  return order < 0 || (order === 0 && (a.metadata.name ?? '') < (b.metadata.name ?? ''))
}

function sizeOf({ spec }: PersistentVolume): Quantity {
  return spec.capacity?.storage ?? 0
}

function askedBy({ spec }: PersistentVolumeClaim): Quantity {
  return spec.resources?.requests?.storage ?? 0
}

function modeOf({ volumeMode }: { volumeMode?: string }): string {
  return volumeMode ?? 'Filesystem'
}
