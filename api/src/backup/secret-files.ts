import { readFile } from 'node:fs/promises'
import { ArchiveError } from './archive-error.ts'
import { type BackupSecret, checkPassphrase, parseKeyFile } from './archive-key.ts'

/** What opens an archive, from one of two files; undefined when neither is named. Throws ArchiveError. */
export async function readBackupSecret({
  passphraseFile,
  keyFile,
}: {
  passphraseFile?: string | undefined
  keyFile?: string | undefined
}): Promise<BackupSecret | undefined> {
  if (passphraseFile !== undefined && keyFile !== undefined)
    throw new ArchiveError('--passphrase-file and --key-file were both given: an archive has one or the other')
  // An editor's newline at the end of the file is no part of the passphrase.
  if (passphraseFile !== undefined) return { passphrase: checkPassphrase((await read(passphraseFile)).toString().replace(/\r?\n$/, '')) }
  if (keyFile !== undefined) return { key: parseKeyFile(await read(keyFile)) }
  return undefined
}

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new ArchiveError(`Cannot read "${path}": ${(cause as Error).message}`, { cause })
  }
}
