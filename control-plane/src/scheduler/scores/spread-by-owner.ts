import type { Pod } from '@davit/api'
import { normalize, type Score } from './score.ts'

/** Prefers nodes with fewer pods of the same owner, so that a lost node costs a workload as little as can be. */
export const spreadByOwner: Score = ({ pod }, nodes) => {
  const owner = ownerOf(pod)
  if (owner === undefined) return nodes.map(() => 0)
  const counts = nodes.map(({ pods }) => {
    let count = 0
    for (const other of pods.values()) if (other.metadata.deletionTimestamp === undefined && ownerOf(other) === owner) count++
    return count
  })
  return normalize(counts, { reverse: true })
}

function ownerOf({ metadata }: Pod): string | undefined {
  return metadata.ownerReferences?.find(owner => owner.controller)?.uid
}
