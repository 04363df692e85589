/** `control-plane restore`: a data directory with an etcd of its own, from an archive. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { stdout } from 'node:process'
import { parseArgs } from 'node:util'
import { extractArchive, readBackupSecret, restoreEtcd, restorePki } from '@davit/api/backup'
import { embeddedEtcdPlace } from './storage/index.ts'

const HELP = `Usage: control-plane restore --data-dir DIR --archive FILE (--passphrase-file FILE | --key-file FILE) [--pki-dir DIR]

Makes DIR what it was when the archive was made: the cluster's keys, and an etcd of one member with all its objects. DIR must
hold no etcd yet. It needs etcdutl or etcdctl. Start the control plane on DIR afterwards, at any address, and start every agent
with  --server  naming it: they take up their pods as they are.
`

/** Throws what is wrong, in words for the person who called it. */
export async function restore(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const
  const flags = {
    'data-dir': text,
    'pki-dir': text,
    archive: text,
    'passphrase-file': text,
    'key-file': text,
    help: { type: 'boolean' },
  } as const
  const { values } = parseArgs({ args: [...args], options: flags })
  if (values.help) return void stdout.write(HELP)
  const { 'data-dir': dataDir, archive, 'passphrase-file': passphraseFile, 'key-file': keyFile } = values
  if (!dataDir) throw new Error('--data-dir is required: the directory to restore into')
  if (!archive) throw new Error('--archive is required: the file that davit backup create wrote')
  const secret = await readBackupSecret({ passphraseFile, keyFile })
  if (!secret) throw new Error('--passphrase-file or --key-file is required: what the archive was made with')

  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await using extracted = await extractArchive(archive, secret, dataDir)
  const { manifest, snapshot, pkiDir } = extracted
  const place = embeddedEtcdPlace(join(dataDir, 'etcd'))
  const { bumped } = await restoreEtcd({ snapshot, ...place })
  await restorePki(pkiDir, values['pki-dir'] ?? join(dataDir, 'pki'))
  stdout.write(
    `Restored cluster ${manifest.cluster.id} as it was at ${manifest.created} (revision ${manifest.etcd.revision}) into ${dataDir}.\n`,
  )
  if (bumped === 0)
    stdout.write(
      'This etcd tool cannot raise the revision (etcd 3.6 can): restart what kept watching the old control plane, such as agents.\n',
    )
}
