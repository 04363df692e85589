/**
 * The node's one tmpfs, in which everything lies that must never reach a disk: a directory a pod, a directory a volume. One mount for all,
 * because a mount for each costs a process at the pod's start and another at its end.
 */
import { chmod, mkdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { namesIn } from './missing.ts'
import { isOwnFilesystem, mountTmpfs, unmountBelow } from './mounts.ts'

export interface Memory {
  /** The volume's directory; its path is the same for the life of the pod. `podDir` ends in the pod's uid. */
  path(podDir: string, volume: string): string
  /** Makes the directory, and the mount when there is none. */
  make(podDir: string, volume: string): Promise<string>
  /** Takes away what the pod has here; resolves also when that is nothing. */
  remove(podDir: string): Promise<void>
  /** Takes away what pods have here that `isKnown` denies, as one whose own directory went first leaves it. */
  sweep(isKnown: (uid: string) => boolean): Promise<void>
}

function memoryDir(dataDir: string): string {
  return join(dataDir, 'memory')
}

export function createMemory(dataDir: string): Memory {
  const dir = memoryDir(dataDir)
  let mounting: Promise<void> | undefined
  const path = (podDir: string, volume = '') => join(dir, basename(podDir), volume)

  const ensure = async () => {
    if (await isOwnFilesystem(dir)) return
    mounting ??= mount(dir).finally(() => {
      mounting = undefined
    })
    await mounting
  }

  return {
    path,
    async make(podDir, volume) {
      await ensure()
      const made = path(podDir, volume)
      await mkdir(made, { recursive: true, mode: 0o755 })
      return made
    },
    remove: podDir => rm(path(podDir), { recursive: true, force: true }),
    async sweep(isKnown) {
      for (const uid of await namesIn(dir)) if (!isKnown(uid)) await rm(join(dir, uid), { recursive: true, force: true })
    },
  }
}

/** Takes the tmpfs itself away, and all that is in it. */
export async function removeMemory(dataDir: string): Promise<void> {
  await unmountBelow(memoryDir(dataDir))
  await rm(memoryDir(dataDir), { recursive: true, force: true })
}

async function mount(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  // Another caller may have been first.
  if (!(await isOwnFilesystem(dir))) await mountTmpfs(dir, { mode: 0o700 })
  await chmod(dir, 0o700)
}
