/**
 * `control-plane prepare`: gives directories to the user that etcd and the control plane run as. Whoever copied them onto this
 * machine owns them at first, and a new volume is root's.
 */

import { lchown, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/** `--owner UID:GID DIR…`. Idempotent; needs the rights of root. */
export async function prepareDirectories(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({ args: [...args], options: { owner: { type: 'string' } }, allowPositionals: true })
  const [, uid, gid] = /^(\d+):(\d+)$/.exec(values.owner ?? '')?.map(Number) ?? []
  if (uid === undefined || gid === undefined) throw new Error(`--owner is ${JSON.stringify(values.owner ?? '')}: want UID:GID, in numbers`)
  for (const dir of positionals) await giveTree(dir, uid, gid)
}

async function giveTree(path: string, uid: number, gid: number): Promise<void> {
  const found = await lstat(path)
  if (found.isDirectory()) for (const name of await readdir(path)) await giveTree(join(path, name), uid, gid)
  if (found.uid !== uid || found.gid !== gid) await lchown(path, uid, gid)
}
