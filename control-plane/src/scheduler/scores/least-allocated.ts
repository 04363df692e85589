import { weightOf } from '../node-info.ts'
import type { Score } from './score.ts'

/** Prefers nodes with the most CPU and memory free, in equal parts. */
export const leastAllocated: Score = ({ pod, requests }, nodes) => {
  const weight = weightOf(pod, requests)
  return nodes.map(({ allocatable, weighed }) => {
    const cpu = freeShare(weighed.milliCpu + weight.milliCpu, allocatable.milliCpu)
    const memory = freeShare(weighed.memoryBytes + weight.memoryBytes, allocatable.memoryBytes)
    return (cpu + memory) / 2
  })
}

function freeShare(used: number, all: number): number {
  return all <= 0 || used > all ? 0 : ((all - used) * 100) / all
}
