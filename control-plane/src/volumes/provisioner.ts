import { type Node, type StorageClass, VOLUMES } from '@davit/api'
import { allowsTopology } from './claims.ts'

/** A class for whose claims somebody makes volumes by hand. */
const NO_PROVISIONER = 'kubernetes.io/no-provisioner'

/** Whether volumes of the class are named Docker volumes, not directories. */
export function isKeptByDocker({ parameters }: StorageClass): boolean {
  return parameters?.volume === 'docker'
}

/** Whether a volume of the class can be made for a pod on the node. Of other provisioners only the topology is known. */
export function canKeepVolumes(storageClass: StorageClass, node: Node): boolean {
  if (storageClass.provisioner === NO_PROVISIONER || !allowsTopology(storageClass, node)) return false
  if (storageClass.provisioner !== VOLUMES.provisioner || isKeptByDocker(storageClass)) return true
  return Boolean(storageClass.parameters?.path ?? node.metadata.annotations?.[VOLUMES.directoryAnnotation])
}
