/** Questions that many ask of a node. */
import type { Node, NodeCondition } from './node-types.ts'

/** The node's condition of that type, if it has one. */
export function nodeCondition(node: Node, type: string): NodeCondition | undefined {
  return node.status?.conditions?.find(condition => condition.type === type)
}

/** True when its Ready condition says so: its agent is there, and runs pods. */
export function isNodeReady(node: Node): boolean {
  return nodeCondition(node, 'Ready')?.status === 'True'
}
