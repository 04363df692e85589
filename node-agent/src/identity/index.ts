export { type Identity, type JoinOptions, loadOrJoin, readIdentity } from './identity.ts'
export type { KeptIdentity } from './keep-identity.ts'
export { Refused } from './refused.ts'
export { connectAs, type RenewingClientOptions } from './renewing-client.ts'
