/** Where a pod goes: pure. */
import { type Pod, podResourceRequests } from '@davit/api'
import { FILTERS, type PodInfo } from './filters/index.ts'
import type { NodeInfo } from './node-info.ts'
import { NO_VOLUMES, type PodVolumes } from './pod-volumes.ts'
import { SCORES } from './scores/index.ts'

export type Placement = { node: string } | { node: undefined; message: string }

/** The best node for the pod, or why there is none, in the words of Kubernetes' scheduler. Ties go by `random`, 0 to 1. */
export function place(pod: Pod, nodes: readonly NodeInfo[], random: () => number, volumes: PodVolumes = NO_VOLUMES): Placement {
  const info: PodInfo = { pod, requests: podResourceRequests(pod), volumes }
  const feasible: NodeInfo[] = []
  const refusals = new Map<string, number>()
  for (const node of nodes) {
    const reasons = refuse(info, node)
    if (reasons.length === 0) feasible.push(node)
    for (const reason of reasons) refusals.set(reason, (refusals.get(reason) ?? 0) + 1)
  }
  if (feasible.length === 0) return { node: undefined, message: explain(nodes.length, refusals) }
  return { node: best(info, feasible, random) }
}

function refuse(pod: PodInfo, node: NodeInfo): readonly string[] {
  for (const filter of FILTERS) {
    const reasons = filter(pod, node)
    if (reasons.length > 0) return reasons
  }
  return []
}

function best(pod: PodInfo, feasible: readonly NodeInfo[], random: () => number): string {
  const totals = new Array<number>(feasible.length).fill(0)
  for (const { score, weight } of SCORES)
    for (const [index, value] of score(pod, feasible).entries()) totals[index] = (totals[index] ?? 0) + weight * value
  const highest = Math.max(...totals)
  const winners = feasible.filter((_, index) => totals[index] === highest)
  const winner = winners[Math.min(winners.length - 1, Math.floor(random() * winners.length))]
  return winner?.node.metadata.name ?? ''
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
function explain(count: number, refusals: ReadonlyMap<string, number>): string {
  if (count === 0) return 'no nodes available to schedule pods'
  const texts = [...refusals].map(([reason, times]) => `${times} ${reason}`).sort()
  return `0/${count} nodes are available: ${texts.join(', ')}.`
}
