/**
 * A subPath is chosen by the manifest and lies in a directory that containers can write: any component may become a link to
 * somewhere else at any moment. So it is opened component by component, never following a link, and bound by descriptor.
 */
import { constants } from 'node:fs'
import { chmod, chown, type FileHandle, mkdir, open, realpath, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { bindDescriptor, unmountBelow } from './mounts.ts'

const PATH_ONLY = 0o10000000 // O_PATH

/** The subPath as it may be used; throws in Kubernetes' words. Pure. */
export function checkedSubPath(subPath: string): string {
  if (subPath.startsWith('/')) throw new Error(`error SubPath \`${subPath}\` must not be an absolute path`)
  if (subPath.split('/').includes('..')) throw new Error(`unable to provision SubPath \`${subPath}\`: must not contain '..'`)
  return subPath
}

/**
 * Binds `subPath` of the volume at `volumeDir` to `target`, making directories that are missing. Takes away what an earlier attempt of
 * the container had bound there: it may have been replaced since. Throws in Kubernetes' words, which tell nothing of this machine's files.
 */
export async function bindSubPath(
  volumeDir: string,
  subPath: string,
  { target, volume, container }: { target: string; volume: string; container: string },
): Promise<void> {
  await unmountBelow(target)
  // Never recursively: what lay under a mount is empty, and what is not must not be touched.
  await rmdir(target).catch(() => rm(target, { force: true }))
  let handle: FileHandle
  try {
    handle = await openInside(volumeDir, subPath)
  } catch (err) {
    throw new Error(`failed to prepare subPath for volumeMount "${volume}" of container "${container}"`, { cause: err })
  }
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
  const { mode, gid } = await handle.stat()
  for (const part of partsOf(inside)) {
    if (part === '..') throw new Error(`Cannot use subPath "${subPath}": it contains ".."`)
    const path = `/proc/self/fd/${handle.fd}/${part}`
    try {
      const next = await openOrMake(path, { mode: mode & 0o7777, gid })
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

/** The volume's own links (`key` → `..data/key`) are followed as long as they stay inside; what is missing comes after what is there. */
async function resolved(root: string, subPath: string): Promise<string> {
  const parts = partsOf(subPath)
  for (let present = parts.length; present >= 0; present--) {
    const real = await realpath(join(root, ...parts.slice(0, present))).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== 'ENOENT') throw err
    })
    if (real === undefined) continue
    const inside = relative(root, real)
    if (inside === '..' || inside.startsWith('../')) throw new Error(`Cannot use subPath "${subPath}": it leads out of its volume`)
    return join(inside, ...parts.slice(present))
  }
  return subPath
}

function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.')
}

/** A directory that is made is what the volume's root is: everybody's who may write there. */
async function openOrMake(path: string, { mode, gid }: { mode: number; gid: number }): Promise<FileHandle> {
  const flags = PATH_ONLY | constants.O_NOFOLLOW
  try {
    return await open(path, flags)
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT') throw err
  }
  await mkdir(path, { mode: 0o700 })
  const made = await open(path, flags)
  if (!(await made.stat()).isDirectory()) return made
  // By its descriptor: its name may be another's by now.
  const self = `/proc/self/fd/${made.fd}`
  await chown(self, -1, gid)
  await chmod(self, mode)
  return made
}
