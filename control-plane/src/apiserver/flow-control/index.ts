export { type ConfigurableFlowControl, createFlowControl, type FlowControlOptions } from './create-flow-control.ts'
export { followFlowControl } from './follow.ts'
export type { Flow, FlowControl, FlowRequest, FlowStats, SchemaStats } from './types.ts'
