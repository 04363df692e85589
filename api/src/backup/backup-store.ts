/** Where archives are kept: a folder, or a bucket of an S3-compatible store. */
import { ArchiveError } from './archive-error.ts'
import { directoryStore } from './directory-store.ts'
import { type S3Options, s3Store } from './s3/s3-store.ts'

export interface StoredArchive {
  readonly name: string
  readonly bytes: number
}

export interface BackupStore {
  /** For people. */
  readonly place: string
  /** The archives there, of all clusters, by name. */
  list(signal: AbortSignal): Promise<StoredArchive[]>
  /** Nothing is there under `name` until all of `content` is; gives how many bytes that was. Replaces what was there. */
  put(name: string, content: AsyncIterable<Buffer>, signal: AbortSignal): Promise<number>
  read(name: string, signal: AbortSignal): AsyncIterable<Buffer>
  /** Also resolves when it is not there. */
  delete(name: string, signal: AbortSignal): Promise<void>
}

/** What `--to` or `--from` names: `s3://bucket/prefix`, otherwise a folder. Throws ArchiveError. */
export function openStore(place: string, s3: S3Options): BackupStore {
  if (place.startsWith('s3://')) return s3Store(place, s3)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(place)) throw new ArchiveError(`"${place}" cannot be used: wanted a folder or s3://bucket/prefix`)
  return directoryStore(place)
}
