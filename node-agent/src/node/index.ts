export { type NodeOptions, type RunningNode, startNode } from './node.ts'
export type { CapacityFlags } from './status.ts'
