import type { Filter } from './filter.ts'
import { imageArchitecture } from './image-architecture.ts'
import { nodeAffinity } from './node-affinity.ts'
import { nodeName } from './node-name.ts'
import { nodePorts } from './node-ports.ts'
import { nodeResourcesFit } from './node-resources-fit.ts'
import { nodeUnschedulable } from './node-unschedulable.ts'
import { taintToleration } from './taint-toleration.ts'
import { volumeBinding } from './volume-binding.ts'
import { volumeRestrictions } from './volume-restrictions.ts'

/** In this order; the first that refuses gives the reason. */
export const FILTERS: readonly Filter[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  imageArchitecture,
  nodeResourcesFit,
  volumeRestrictions,
  volumeBinding,
]
export type { Filter, PodInfo } from './filter.ts'
