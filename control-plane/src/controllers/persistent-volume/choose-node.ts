import { isNodeReady, type Node, type PersistentVolume, type StorageClass, VOLUMES } from '@davit/api'
import { canKeepVolumes } from '../../volumes/index.ts'

/** Where a volume goes that waits for no pod: of the nodes that take pods, the one with the fewest volumes. */
export function chooseNode(storageClass: StorageClass, nodes: Iterable<Node>, volumes: Iterable<PersistentVolume>): Node | undefined {
  const counts = new Map<string, number>()
  for (const { metadata } of volumes) {
    const node = metadata.labels?.[VOLUMES.hostnameLabel]
    if (node) counts.set(node, (counts.get(node) ?? 0) + 1)
  }
  const count = ({ metadata }: Node) => counts.get(metadata.name ?? '') ?? 0
  return [...nodes]
    .filter(node => takesPods(node) && canKeepVolumes(storageClass, node))
    .sort((a, b) => count(a) - count(b) || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? ''))[0]
}

/** Whether the node is there for new pods. */
export function takesPods(node: Node): boolean {
  const { metadata, spec } = node
  const isTainted = spec?.taints?.some(({ effect }) => effect !== 'PreferNoSchedule') ?? false
  return isNodeReady(node) && !isTainted && !spec?.unschedulable && metadata.deletionTimestamp === undefined
}
