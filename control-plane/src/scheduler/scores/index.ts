import { imageLocality } from './image-locality.ts'
import { leastAllocated } from './least-allocated.ts'
import { nodeAffinityPreferred } from './node-affinity-preferred.ts'
import type { Score } from './score.ts'
import { spreadByOwner } from './spread-by-owner.ts'
import { taintPreferred } from './taint-preferred.ts'

/** Weights follow Kubernetes' defaults, where spreading and taints count more than how full a node is. */
export const SCORES: readonly { score: Score; weight: number }[] = [
  { score: leastAllocated, weight: 1 },
  { score: spreadByOwner, weight: 2 },
  { score: nodeAffinityPreferred, weight: 2 },
  { score: taintPreferred, weight: 3 },
  { score: imageLocality, weight: 1 },
]
