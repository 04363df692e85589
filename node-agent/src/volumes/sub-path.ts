/**
 * A subPath is chosen by the manifest and lies in a directory that containers can write: any component may become a link to
 * somewhere else at any moment. So it is opened component by component, never following a link, and bound by descriptor.
 */
import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, realpath, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { bindDescriptor, unmountBelow } from './mounts.ts'

const PATH_ONLY = 0o10000000 // O_PATH

/**
 * Binds `subPath` of the volume at `volumeDir` to `target`, making directories that are missing. Takes away what an earlier attempt of
 * the container had bound there: it may have been replaced since.
 */
export async function bindSubPath(volumeDir: string, subPath: string, target: string): Promise<void> {
  await unmountBelow(target)
  // Never recursively: what lay under a mount is empty, and what is not must not be touched.
  await rmdir(target).catch(() => rm(target, { force: true }))
  const handle = await openInside(volumeDir, subPath)
  try {
    await mkdir(dirname(target), { recursive: true, mode: 0o750 })
    if ((await handle.stat()).isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 })
    else await writeFile(target, '', { flag: 'a' })
    await bindDescriptor(handle.fd, target)
  } finally {
    await handle.close()
  }
}

/** A descriptor of what lies at `subPath`; throws when the way leads through a link out of the volume. */
export async function openInside(volumeDir: string, subPath: string): Promise<FileHandle> {
  const root = await realpath(volumeDir)
  const inside = await resolved(root, subPath)
  let handle = await open(root, PATH_ONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  for (const part of inside.split('/').filter(part => part !== '' && part !== '.')) {
    if (part === '..') throw new Error(`Cannot use subPath "${subPath}": it contains ".."`)
    const path = `/proc/self/fd/${handle.fd}/${part}`
    try {
      const next = await openOrMake(path)
      await handle.close()
      handle = next
    } catch (err) {
      await handle.close()
      throw new Error(`Cannot use subPath "${subPath}" of volume "${volumeDir}"`, { cause: err })
    }
    if ((await handle.stat()).isSymbolicLink()) {
      await handle.close()
      throw new Error(`Cannot use subPath "${subPath}": "${part}" became a symbolic link`)
    }
  }
  return handle
}

/** The volume's own links (`key` → `..data/key`) are followed as long as they stay inside. */
async function resolved(root: string, subPath: string): Promise<string> {
  const real = await realpath(join(root, subPath)).catch(() => undefined)
  if (real === undefined) return subPath
  const inside = relative(root, real)
  if (inside === '..' || inside.startsWith('../')) throw new Error(`Cannot use subPath "${subPath}": it leads out of its volume`)
  return inside
}

async function openOrMake(path: string): Promise<FileHandle> {
  const flags = PATH_ONLY | constants.O_NOFOLLOW
  try {
    return await open(path, flags)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
    await mkdir(path, { mode: 0o750 })
    return await open(path, flags)
  }
}
