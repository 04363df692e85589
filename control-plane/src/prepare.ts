/**
 * `control-plane prepare`: what must be before etcd starts. Its certificates are renewed, which may have ended while the machine was
 * off; directories are given to the user that etcd and the control plane run as: whoever copied them onto this machine owns them at
 * first, and a new volume is root's.
 */

import { lchown, lstat, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { systemClock } from '@davit/api'
import { CERTIFICATE_LIFETIME_MS, loadOrRenewEtcdPki, readAuthority } from '@davit/api/pki'

const DAY_MS = 24 * 60 * 60 * 1000

/** `--owner UID:GID [--pki-dir DIR --etcd-pki-dir DIR] DIR…`. Idempotent; needs the rights of root. */
export async function prepareDirectories(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const
  const options = { owner: text, 'pki-dir': text, 'etcd-pki-dir': text }
  const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(values.owner ?? '')?.map(Number) ?? []
  if (uid === undefined || gid === undefined) throw new Error(`--owner is ${JSON.stringify(values.owner ?? '')}: want UID:GID, in numbers`)
  const { 'pki-dir': pkiDir, 'etcd-pki-dir': etcdPkiDir } = values
  if (pkiDir && etcdPkiDir) await renewEtcdPki(pkiDir, etcdPkiDir)
  for (const dir of positionals) await giveTree(dir, uid, gid)
}

async function renewEtcdPki(pkiDir: string, dir: string): Promise<void> {
  const path = join(pkiDir, 'etcd-ca.pem')
  const authority = readAuthority(await readFile(path, 'utf8'), path)
  await loadOrRenewEtcdPki({ dir, authority, now: systemClock.now(), days: CERTIFICATE_LIFETIME_MS / DAY_MS })
}

async function giveTree(path: string, uid: number, gid: number): Promise<void> {
  const found = await lstat(path)
  if (found.isDirectory()) for (const name of await readdir(path)) await giveTree(join(path, name), uid, gid)
  if (found.uid !== uid || found.gid !== gid) await lchown(path, uid, gid)
}
