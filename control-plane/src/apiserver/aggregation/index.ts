export { type AggregationOptions, createAggregation, type RunningAggregation } from './create-aggregation.ts'
export { publishAuthentication } from './front-proxy.ts'
export { localPriority } from './local-services.ts'
export type { Aggregation, RemoteResource, RemoteVersion } from './types.ts'
