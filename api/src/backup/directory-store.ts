import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ArchiveError } from './archive-error.ts'
import { parseArchiveName } from './archive-name.ts'
import type { BackupStore } from './backup-store.ts'

const PARTIAL = '.partial'

/** Archives in a folder, which is made when its parent is there. Errors are ArchiveErrors that name the folder. */
export function directoryStore(path: string): BackupStore {
  const directory = resolve(path)
  return {
    place: directory,
    async list() {
      const names = await readdir(directory).catch(told(directory))
      const archives = names.filter(name => parseArchiveName(name)).sort()
      return Promise.all(archives.map(async name => ({ name, bytes: (await stat(join(directory, name))).size })))
    },
    async put(name, content, signal) {
      await makeDirectory(directory).catch(told(directory))
      return writeArchive(join(directory, name), content, signal)
    },
    read: name => createReadStream(join(directory, name)),
    async delete(name) {
      await rm(join(directory, name), { force: true }).catch(told(directory))
    },
  }
}

/** Writes a file whole or not at all, readable by its owner alone; gives its length. Throws ArchiveError. */
export async function writeArchive(path: string, content: AsyncIterable<Buffer>, signal: AbortSignal): Promise<number> {
  const partial = `${path}${PARTIAL}`
  try {
    await pipeline(Readable.from(content, { objectMode: false }), createWriteStream(partial, { mode: 0o600 }), { signal })
    const file = await open(partial, 'r')
    const { size } = await file.stat()
    await file.sync().finally(() => file.close())
    await rename(partial, path)
    return size
  } catch (error) {
    await rm(partial, { force: true })
    signal.throwIfAborted()
    throw isFileError(error) ? told(path)(error) : error
  }
}

async function makeDirectory(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && 'path' in error
}

function told(path: string): (error: NodeJS.ErrnoException) => never {
  return error => {
    const hints: Record<string, string> = {
      ENOENT: 'there is no such folder; make it first',
      EACCES: 'this user may not use it',
      EROFS: 'the file system is read-only',
      ENOSPC: 'the disk is full',
    }
    throw new ArchiveError(`Cannot use "${path}": ${hints[error.code ?? ''] ?? error.message}`, { cause: error })
  }
}
