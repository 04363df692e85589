export { createStorage, type EtcdStorage, type StorageCounters, type StorageOptions } from './create-storage.ts'
export type { EncryptionKey } from './envelope.ts'
export type { EtcdOptions } from './members.ts'
export type {
  CacheHealth,
  CommitResult,
  Guard,
  ListRequest,
  ListResult,
  Operation,
  Storage,
  StorageEvent,
  Stored,
  StoredResource,
  WatchRequest,
} from './types.ts'
