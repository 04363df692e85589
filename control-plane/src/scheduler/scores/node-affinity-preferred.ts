import { matchesNodeTerm } from '@davit/api'
import { normalize, type Score } from './score.ts'

/** Sums the weights of the preferred node affinity terms that match. */
export const nodeAffinityPreferred: Score = ({ pod }, nodes) => {
  const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
  if (terms.length === 0) return nodes.map(() => 0)
  const sums = nodes.map(({ node }) =>
    terms.reduce((sum, { weight, preference }) => sum + (matchesNodeTerm(preference, node) ? weight : 0), 0),
  )
  return normalize(sums, { reverse: false })
}
