import { canonicalImageName, type Node } from '@davit/api'
import type { NodeInfo } from '../node-info.ts'
import type { Score } from './score.ts'

const MEBIBYTE = 1 << 20
/** Less is pulled in no time, more makes no more difference; as Kubernetes has them. */
const BYTES_MIN = 23 * MEBIBYTE
const BYTES_MAX_PER_CONTAINER = 1000 * MEBIBYTE
const known = new WeakMap<Node, ReadonlyMap<string, number>>()

/**
 * Prefers nodes that have the pod's images, by size, each scaled by the share of nodes that have it, so that one node with an image does
 * not draw all its pods. Kubernetes' formula, over the feasible nodes.
 */
export const imageLocality: Score = ({ pod }, nodes) => {
  const images = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].flatMap(({ image }) =>
    image ? [canonicalImageName(image)] : [],
  )
  const share = new Map<string, number>()
  for (const name of new Set(images)) share.set(name, nodes.filter(node => imagesOf(node).has(name)).length / nodes.length)
  const bytesMax = BYTES_MAX_PER_CONTAINER * Math.max(1, images.length)
  return nodes.map(node => {
    const sizes = imagesOf(node)
    const bytes = images.reduce((sum, name) => sum + Math.trunc((sizes.get(name) ?? 0) * (share.get(name) ?? 0)), 0)
    const counted = Math.min(bytesMax, Math.max(BYTES_MIN, bytes))
    return Math.trunc((100 * (counted - BYTES_MIN)) / (bytesMax - BYTES_MIN))
  })
}

/** Sizes by name; agents give the one spelling that `canonicalImageName` makes. */
function imagesOf({ node }: NodeInfo): ReadonlyMap<string, number> {
  const found = known.get(node)
  if (found) return found
  const sizes = new Map<string, number>()
  for (const { names = [], sizeBytes = 0 } of node.status?.images ?? []) for (const name of names) sizes.set(name, sizeBytes)
  known.set(node, sizes)
  return sizes
}
