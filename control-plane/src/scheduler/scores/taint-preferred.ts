import { isTolerated } from '../filters/taint-toleration.ts'
import { normalize, type Score } from './score.ts'

/** Prefers nodes with fewer PreferNoSchedule taints that the pod does not tolerate. */
export const taintPreferred: Score = ({ pod }, nodes) => {
  const counts = nodes.map(
    ({ node }) => (node.spec?.taints ?? []).filter(taint => taint.effect === 'PreferNoSchedule' && !isTolerated(pod, taint)).length,
  )
  return normalize(counts, { reverse: true })
}
