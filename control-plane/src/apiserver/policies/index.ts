export { Policies, type PoliciesOptions } from './policies.ts'
