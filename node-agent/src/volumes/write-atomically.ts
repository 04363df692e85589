/**
 * Writes a volume's files so that a reader sees either all old or all new ones: they go into a directory of their own, `..data` points to
 * it, and the visible names point through `..data`. Swapping that one link changes everything at once.
 */
import { randomBytes } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { groupMode } from './fs-group.ts'
import type { Payload } from './payload.ts'

const DATA = '..data'

/** True when something changed. `group`: the pod's fsGroup, which may then read everything. */
export async function writeAtomically(dir: string, payload: Payload, { group }: { group?: number } = {}): Promise<boolean> {
  const current = await readlink(join(dir, DATA)).catch(() => undefined)
  if (current && (await holds(join(dir, current), payload, group))) return false

  const fresh = `..${new Date().toISOString().replaceAll(/[-:T]/g, '_').slice(0, 19)}.${randomBytes(4).toString('hex')}`
  await mkdir(join(dir, fresh), { mode: 0o755 })
  for (const [path, file] of payload) {
    const target = join(dir, fresh, path)
    if (dirname(path) !== '.') await mkdir(dirname(target), { recursive: true, mode: 0o755 })
    await writeFile(target, file.data)
    if (group !== undefined || file.owner !== undefined) await chown(target, file.owner ?? 0, group ?? 0)
    await chmod(target, modeOf(file.mode, group))
  }
  if (group !== undefined) await giveDirectories(dir, join(dir, fresh), { payload, group })
  await rm(join(dir, '..data_tmp'), { force: true })
  await symlink(fresh, join(dir, '..data_tmp'))
  await rename(join(dir, '..data_tmp'), join(dir, DATA))
  await linkNames(dir, payload)
  for (const name of await readdir(dir)) {
    if (name.startsWith('..') && name !== DATA && name !== fresh) await rm(join(dir, name), { recursive: true, force: true })
  }
  return true
}

/** The volume's own directory and those of its files, which the group may look into. */
async function giveDirectories(dir: string, fresh: string, { payload, group }: { payload: Payload; group: number }): Promise<void> {
  const directories = new Set([dir, fresh])
  for (const path of payload.keys()) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) directories.add(join(fresh, parent))
  }
  for (const path of directories) {
    await chown(path, 0, group)
    await chmod(path, groupMode(0o755, { isDirectory: true, readOnly: true }))
  }
}

function modeOf(mode: number, group: number | undefined): number {
  return group === undefined ? mode : groupMode(mode, { isDirectory: false, readOnly: true })
}

async function linkNames(dir: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map(path => path.split('/')[0] ?? path))
  for (const name of wanted) {
    const link = join(dir, name)
    if (await lstat(link).catch(() => undefined)) continue
    await symlink(join(DATA, name), link)
  }
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    if (entry.isSymbolicLink() && !entry.name.startsWith('..') && !wanted.has(entry.name)) await unlink(join(dir, entry.name))
  }
}

async function holds(dir: string, payload: Payload, group: number | undefined): Promise<boolean> {
  const present = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => [])
  if (present.filter(entry => entry.isFile()).length !== payload.size) return false
  for (const [path, file] of payload) {
    const target = join(dir, path)
    const stat = await lstat(target).catch(() => undefined)
    if (!stat || (stat.mode & 0o7777) !== modeOf(file.mode, group) || stat.size !== file.data.length || stat.uid !== (file.owner ?? 0))
      return false
    if (!(await readFile(target)).equals(file.data)) return false
  }
  return true
}
