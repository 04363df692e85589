export { QuotaLedger } from './admission/quota/ledger.ts'
export type { Networks } from './allocation/pools.ts'
export { type BootstrapResult, bootstrap } from './bootstrap.ts'
export { createRegistry, type RegistryOptions } from './create-registry.ts'
export { createInProcessClient } from './in-process-client.ts'
export { keyOf, storedResourceOf } from './resources.ts'
export { decodeSpoken } from './spoken-kinds.ts'
export type {
  AccessGuard,
  ConnectOptions,
  DeletionRequest,
  Registry,
  RequestContext,
  TokenClaims,
  TokenSigner,
  User,
  WatchParameters,
} from './types.ts'
export type { ConvertByWebhook } from './versioned-resource.ts'
