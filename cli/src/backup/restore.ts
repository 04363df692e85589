/** `davit backup restore`: an archive unpacked and proven whole. */
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { extractArchive, openStore, writeArchive } from '@davit/api/backup'
import type { Cli } from '../command-line/index.ts'
import { backupSecret, formatBytes, type SecretFlags, type StoreFlags, s3Options } from './options.ts'

export interface RestoreFlags extends SecretFlags, StoreFlags {
  into: string
}

export async function restoreBackup(cli: Cli, archive: string, flags: RestoreFlags): Promise<void> {
  const into = resolve(flags.into)
  await mkdir(into, { recursive: true, mode: 0o700 })
  if ((await readdir(into)).length > 0) throw new Error(`"${into}" is not empty: give a new folder with --into`)
  const secret = await backupSecret(cli, flags)
  await using file = await localArchive(cli, archive, flags)
  await using extracted = await extractArchive(file.path, secret, into)
  const { manifest, pkiDir, snapshot } = extracted
  await rename(pkiDir, join(into, 'pki'))
  await mkdir(join(into, 'etcd'), { mode: 0o700 })
  await rename(snapshot, join(into, 'etcd', 'snapshot.db'))
  await writeFile(join(into, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o600 })
  const size = manifest.parts.reduce((sum, { bytes }) => sum + bytes, 0)
  cli.print(`Unpacked cluster ${manifest.cluster.id} as it was at ${manifest.created}, ${formatBytes(size)}, into ${into}:
  manifest.json     what it is: Davit ${manifest.version}, etcd ${manifest.etcd.version} at revision ${manifest.etcd.revision}
  pki/              the cluster's CAs and keys, in the clear: keep them from others
  etcd/snapshot.db  all objects
To bring the cluster back:
  one machine, etcd embedded:  control-plane restore --data-dir DIR --archive FILE --passphrase-file FILE
  with compose:                davit init NEWDIR --from-backup ARCHIVE --control-plane ADDRESS…
`)
}

/** The archive itself, or a copy that is removed when disposed of. */
async function localArchive(cli: Cli, archive: string, flags: StoreFlags): Promise<AsyncDisposable & { path: string }> {
  if (!archive.startsWith('s3://')) return { path: archive, [Symbol.asyncDispose]: async () => {} }
  const dir = await mkdtemp(join(tmpdir(), 'davit-restore-'))
  const remove = () => rm(dir, { recursive: true, force: true })
  try {
    const at = archive.lastIndexOf('/')
    const { signal } = new AbortController()
    const path = join(dir, 'archive')
    await writeArchive(path, openStore(archive.slice(0, at), s3Options(cli, flags)).read(archive.slice(at + 1), signal), signal)
    return { path, [Symbol.asyncDispose]: remove }
  } catch (error) {
    await remove()
    throw error
  }
}
