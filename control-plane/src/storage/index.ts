export { createStorage, type EtcdStorage, type StorageCounters, type StorageOptions } from './create-storage.ts'
export { embeddedEtcdPlace } from './embedded/etcd-process.ts'
export { type EmbeddedEtcd, type EmbeddedEtcdOptions, runEmbeddedEtcd } from './embedded/run-embedded-etcd.ts'
export type { EncryptionKey } from './envelope.ts'
export { lazily } from './lazily.ts'
export type { EtcdCredentials, EtcdOptions } from './members.ts'
export { type JoinOptions, type NewMember, replaceMember } from './membership.ts'
export type { EtcdSnapshot } from './snapshot.ts'
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
export { startUpkeep, type UpkeepOptions } from './upkeep.ts'
