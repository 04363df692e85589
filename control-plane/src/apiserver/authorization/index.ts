export { createAuthorizer } from './authorizer.ts'
export type { NodeLookups } from './node-rules.ts'
export { registryLookups } from './registry-lookups.ts'
export type { Attributes, Authorizer, Rights, Verdict } from './types.ts'
