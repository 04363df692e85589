export {
  type ArchiveContent,
  type BackupManifest,
  createArchive,
  type OpenedArchive,
  openArchive,
  PKI_PREFIX,
  readArchiveHeader,
  SNAPSHOT_PART,
} from './archive.ts'
export { ArchiveError } from './archive-error.ts'
export type { ArchiveHeader } from './archive-header.ts'
export { type BackupSecret, checkPassphrase, parseKeyFile } from './archive-key.ts'
export type { Part } from './parts.ts'
