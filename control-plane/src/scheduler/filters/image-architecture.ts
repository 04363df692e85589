import { canonicalImageName, type Node, UNSUITABLE_IMAGES } from '@davit/api'
import { type Filter, PASS } from './filter.ts'

const REASON = ["node(s) cannot run the image's architecture"]
/** Annotations hardly ever change, and are read for each pod. */
const known = new WeakMap<Node, ReadonlySet<string>>()

/** Keeps pods off nodes whose agent found that one of their images is for another architecture. Davit's own; Kubernetes has none. */
export const imageArchitecture: Filter = ({ pod }, { node }) => {
  const unsuitable = unsuitableOf(node)
  if (unsuitable.size === 0) return PASS
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  return containers.some(({ image }) => image !== undefined && unsuitable.has(canonicalImageName(image))) ? REASON : PASS
}

const NONE: ReadonlySet<string> = new Set()

function unsuitableOf(node: Node): ReadonlySet<string> {
  const text = node.metadata.annotations?.[UNSUITABLE_IMAGES]
  if (!text) return NONE
  const found = known.get(node) ?? new Set(text.split(','))
  known.set(node, found)
  return found
}
