import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type BackupManifest, openArchive, PKI_PREFIX, SNAPSHOT_PART } from '../archive.ts'
import { ArchiveError } from '../archive-error.ts'
import type { BackupSecret } from '../archive-key.ts'

/** An archive's parts as files. */
export interface ExtractedArchive extends AsyncDisposable {
  readonly manifest: BackupManifest
  /** For `restoreEtcd`. */
  readonly snapshot: string
  /** Holds the cluster's keys, for `restorePki`. */
  readonly pkiDir: string
}

const PKI_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/**
 * Writes what is in the archive into a new folder inside `parent`, for its owner alone; disposing of the result removes it. Nothing
 * is left when the archive turns out to be damaged. Throws ArchiveError, its message naming the archive.
 */
export async function extractArchive(archive: string, secret: BackupSecret, parent: string): Promise<ExtractedArchive> {
  const dir = await mkdtemp(join(resolve(parent), '.restore-'))
  const remove = () => rm(dir, { recursive: true, force: true })
  try {
    const pkiDir = join(dir, 'pki')
    const snapshot = join(dir, 'snapshot.db')
    await mkdir(pkiDir, { mode: 0o700 })
    const opened = await openArchive(createReadStream(archive), secret)
    const manifest = await opened.read(async ({ name, content }) => {
      await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(fileOf(name, { snapshot, pkiDir }), { mode: 0o600 }))
    })
    if (!manifest.parts.some(({ name }) => name === SNAPSHOT_PART)) throw new ArchiveError('it holds no snapshot of etcd')
    return { manifest, snapshot, pkiDir, [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    if (error instanceof ArchiveError) throw new ArchiveError(`Cannot use archive "${archive}": ${error.message}`, { cause: error })
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && (error as NodeJS.ErrnoException).path === archive)
      throw new ArchiveError(`Cannot use archive "${archive}": there is no such file`, { cause: error })
    throw error
  }
}

function fileOf(part: string, { snapshot, pkiDir }: { snapshot: string; pkiDir: string }): string {
  if (part === SNAPSHOT_PART) return snapshot
  const name = part.slice(PKI_PREFIX.length)
  if (part.startsWith(PKI_PREFIX) && PKI_NAME.test(name)) return join(pkiDir, name)
  throw new ArchiveError(`it holds "${part}", which this version does not know; use a later version of Davit`)
}
