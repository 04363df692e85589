/**
 * Gives a volume to a pod's fsGroup, as kubelet does: the group owns everything, may read it (and write it, unless the volume is
 * read-only), and what is made in its directories later belongs to it, too. Containers of other pods may be changing the tree meanwhile,
 * so it is walked by descriptors, and no link is ever followed.
 */
import { constants, type Stats } from 'node:fs'
import { chmod, chown, type FileHandle, lchown, open, readdir, realpath, stat } from 'node:fs/promises'
import type { Pod } from '@davit/api'
import { ignoreMissing } from './missing.ts'

export interface FsGroup {
  readonly group: number
  readonly policy: 'Always' | 'OnRootMismatch'
}

const PATH_ONLY = 0o10000000 // O_PATH
const RW = 0o660
const READ = 0o440
const EXECUTE = 0o110
const SET_GROUP = 0o2000
/** Directories deeper than this are left: each level holds a descriptor. */
const DEPTH_MAX = 200

/** What the pod's securityContext asks for; undefined without an fsGroup. */
export function fsGroupOf(pod: Pod): FsGroup | undefined {
  const { fsGroup: group, fsGroupChangePolicy: policy = 'Always' } = pod.spec.securityContext ?? {}
  return group === undefined ? undefined : { group, policy: policy === 'OnRootMismatch' ? policy : 'Always' }
}

/** Permission bits that an entry has in a volume of an fsGroup. Pure. */
export function groupMode(mode: number, { isDirectory, readOnly }: { isDirectory: boolean; readOnly: boolean }): number {
  const bits = (mode & 0o7777) | (readOnly ? READ : RW)
  return isDirectory ? bits | SET_GROUP | EXECUTE : bits
}

/** Changes the tree at `path` unless the policy says that its root tells it was done before. */
export async function applyFsGroup(path: string, { group, policy }: FsGroup, { readOnly = false } = {}): Promise<void> {
  const root = await stat(path)
  if (policy === 'OnRootMismatch' && isDone(root, group, readOnly)) return
  // The way to the root is the administrator's, and may be a link.
  const handle = await open(await realpath(path), PATH_ONLY | constants.O_NOFOLLOW)
  try {
    await walk(handle, { group, readOnly, depth: 0 })
  } finally {
    await handle.close()
  }
}

function isDone(root: Stats, group: number, readOnly: boolean): boolean {
  const wanted = groupMode(0, { isDirectory: root.isDirectory(), readOnly })
  return root.gid === group && (root.mode & wanted) === wanted
}

/** Children before their directory, so that the root tells the truth about the whole tree after a crash. */
async function walk(handle: FileHandle, options: { group: number; readOnly: boolean; depth: number }): Promise<void> {
  const { group, readOnly, depth } = options
  const self = `/proc/self/fd/${handle.fd}`
  const found = await handle.stat()
  if (found.isDirectory() && depth < DEPTH_MAX) {
    for (const name of await readdir(`${self}/.`)) {
      const at = `${self}/${name}`
      const child = await open(at, PATH_ONLY | constants.O_NOFOLLOW).catch(ignoreMissing)
      if (!child) continue
      try {
        if ((await child.stat()).isSymbolicLink()) await lchown(at, -1, group).catch(ignoreMissing)
        else await walk(child, { ...options, depth: depth + 1 })
      } finally {
        await child.close()
      }
    }
  }
  const mode = groupMode(found.mode, { isDirectory: found.isDirectory(), readOnly })
  if (found.gid !== group) await chown(self, -1, group)
  // A change of owner takes set-id bits away, so the mode comes second.
  if (found.gid !== group || (found.mode & 0o7777) !== mode) await chmod(self, mode)
}
