import { reachesNode } from '../../volumes/index.ts'
import { type Filter, PASS } from './filter.ts'

const MISSING = ['node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)']
const CONFLICT = ['node(s) had volume node affinity conflict']
const NONE = ["node(s) didn't find available persistent volumes to bind"]

/** A pod runs where its volumes are, or where those can be that wait for it. */
export const volumeBinding: Filter = ({ volumes }, { node }) => {
  if (volumes.isVolumeMissing) return MISSING
  if (!volumes.bound.every(volume => reachesNode(volume, node))) return CONFLICT
  return volumes.choose(node) ? PASS : NONE
}
