export {
  type ArchiveContent,
  type BackupManifest,
  createArchive,
  type OpenedArchive,
  openArchive,
  PKI_PREFIX,
  SNAPSHOT_PART,
} from './archive.ts'
export { ArchiveError } from './archive-error.ts'
export type { ArchiveHeader } from './archive-header.ts'
export { type BackupSecret, checkPassphrase, parseKeyFile } from './archive-key.ts'
export { archiveName, parseArchiveName } from './archive-name.ts'
export { type BackupStore, openStore, type StoredArchive } from './backup-store.ts'
export { writeArchive } from './directory-store.ts'
export type { Part } from './parts.ts'
export { type ExtractedArchive, extractArchive } from './restore/extract-archive.ts'
export { type RestoredEtcd, type RestoreEtcdOptions, restoreEtcd } from './restore/restore-etcd.ts'
export { restorePki } from './restore/restore-pki.ts'
export type { S3Options } from './s3/s3-store.ts'
export {
  BACKUP_SECRET,
  type BackupSchedule,
  type BackupStatus,
  decodeSchedule,
  decodeStatus,
  encodeSchedule,
  encodeStatus,
  nextTime,
  planBackup,
  retryDelayMs,
  surplusArchives,
} from './schedule.ts'
export { readBackupSecret } from './secret-files.ts'
