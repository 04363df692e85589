import type { PodInfo } from '../filters/index.ts'
import type { NodeInfo } from '../node-info.ts'

/** How well each of the feasible nodes suits the pod, 0 to 100, in the order of `nodes`. */
export type Score = (pod: PodInfo, nodes: readonly NodeInfo[]) => number[]

/** Scales raw counts to 0 to 100; `reverse` when a smaller count is better. All alike: all get 100 when reversed, else 0. */
export function normalize(counts: readonly number[], { reverse }: { reverse: boolean }): number[] {
  const max = Math.max(...counts)
  if (max === 0) return counts.map(() => (reverse ? 100 : 0))
  return counts.map(count => (reverse ? 100 - (count * 100) / max : (count * 100) / max))
}
