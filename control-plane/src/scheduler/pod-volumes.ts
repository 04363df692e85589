/** What a pod's claims say about where it may run: pure. */
import { compareQuantities, type Node, type PersistentVolume, type PersistentVolumeClaim, type Pod, type StorageClass } from '@davit/api'
import { ANNOTATIONS, bestVolume, canKeepVolumes, claimsOf, isBound, isOwnedBy } from '../volumes/index.ts'

/** Where claims, volumes and classes are looked up. */
export interface StorageView {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined
  volume(name: string): PersistentVolume | undefined
  volumes(): Iterable<PersistentVolume>
  storageClass(name: string): StorageClass | undefined
  /** Volumes that are promised to claims whose binding is on its way. */
  readonly taken: ReadonlySet<string>
  /** Claims, by uid, for which another pod has chosen the node a moment ago. */
  readonly promised: ReadonlySet<string>
  /** Whether another pod that has a node uses the claim. */
  isUsedByOther(claim: PersistentVolumeClaim, pod: Pod): boolean
}

/** The claims of one pod as they bear on every node. */
export interface PodVolumes {
  readonly bound: readonly PersistentVolume[]
  /** A claim is bound to a volume that is not there. */
  readonly isVolumeMissing: boolean
  /** A claim is for one pod, and another has it. */
  readonly isExclusiveInUse: boolean
  /** How the claims that wait for this pod would get volumes, if it ran on the node; undefined when one would not. */
  choose(node: Node): VolumeChoice | undefined
}

export interface VolumeChoice {
  readonly bind: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[]
  readonly provision: readonly PersistentVolumeClaim[]
}

/** `refused`: no node is any use, and why. `soon`: what is missing is on its way. */
export type Gathered = PodVolumes | { refused: string; soon: boolean }

const NOTHING: VolumeChoice = { bind: [], provision: [] }

/** Of a pod without claims. */
export const NO_VOLUMES: PodVolumes = {
  bound: [],
  isVolumeMissing: false,
  isExclusiveInUse: false,
  choose: () => NOTHING,
}

const UNBOUND = { refused: 'pod has unbound immediate PersistentVolumeClaims', soon: false } as const

/** What the pod's claims demand, or why it cannot run anywhere now. */
export function gatherVolumes(pod: Pod, view: StorageView): Gathered {
  const podClaims = claimsOf(pod)
  if (podClaims.length === 0) return NO_VOLUMES
  const { namespace = '', name: podName } = pod.metadata
  const bound: PersistentVolume[] = []
  const waiting: PersistentVolumeClaim[] = []
  let isVolumeMissing = false
  let isExclusiveInUse = false
  for (const { name, ephemeral } of podClaims) {
    const claim = view.claim(namespace, name)
    if (!claim) {
      if (!ephemeral) return { refused: `persistentvolumeclaim "${name}" not found`, soon: false }
      return { refused: `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`, soon: true }
    }
    if (ephemeral && !isOwnedBy(claim, pod)) {
      return { refused: `PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`, soon: false }
    }
    if (claim.metadata.deletionTimestamp !== undefined) return { refused: `persistentvolumeclaim "${name}" is being deleted`, soon: false }
    if (claim.status?.phase === 'Lost') {
      return { refused: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName}"`, soon: false }
    }
    if (claim.spec.accessModes?.includes('ReadWriteOncePod') && view.isUsedByOther(claim, pod)) isExclusiveInUse = true
    if (isBound(claim)) {
      const volume = view.volume(claim.spec.volumeName ?? '')
      if (volume) bound.push(volume)
      else isVolumeMissing = true
    } else if (claim.spec.volumeName) return UNBOUND
    else if (view.storageClass(claim.spec.storageClassName ?? '')?.volumeBindingMode !== 'WaitForFirstConsumer') return UNBOUND
    else if (view.promised.has(claim.metadata.uid ?? '')) {
      return { refused: `persistentvolumeclaim "${name}" is being bound for another pod`, soon: true }
    } else waiting.push(claim)
  }
  // The small first, so that the large volumes are left for the large claims.
  waiting.sort((a, b) => compareQuantities(askedBy(a), askedBy(b)))
  return { bound, isVolumeMissing, isExclusiveInUse, choose: node => chooseVolumes(waiting, node, view) }
}

function chooseVolumes(claims: readonly PersistentVolumeClaim[], node: Node, view: StorageView): VolumeChoice | undefined {
  const taken = new Set(view.taken)
  const bind: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = []
  const provision: PersistentVolumeClaim[] = []
  for (const claim of claims) {
    const selected = claim.metadata.annotations?.[ANNOTATIONS.selectedNode]
    if (selected !== undefined && selected !== node.metadata.name) return undefined
    const volume = bestVolume(claim, view.volumes(), { node, taken })
    if (volume) {
      taken.add(volume.metadata.name ?? '')
      bind.push({ claim, volume })
      continue
    }
    const storageClass = view.storageClass(claim.spec.storageClassName ?? '')
    if (!storageClass || !canKeepVolumes(storageClass, node)) return undefined
    provision.push(claim)
  }
  return { bind, provision }
}

function askedBy({ spec }: PersistentVolumeClaim) {
  return spec.resources?.requests?.storage ?? 0
}
