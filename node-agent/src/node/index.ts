export { type NodeOptions, type RunningNode, startNode } from './node.ts'
export { allocatableAmounts, type CapacityFlags } from './status.ts'
