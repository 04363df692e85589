export { MutatingPolicies } from './mutating-policies.ts'
export { Policies, type PoliciesOptions } from './policies.ts'
