/** emptyDir: a directory of the pod, or a tmpfs of its own when it is to be in memory. */
import { chmod, chown, mkdir, rename, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Pod, parseQuantity } from '@davit/api'
import { isOwnFilesystem, mountTmpfs } from './mounts.ts'
import { onPath, type Prepared, type VolumeRequest } from './source.ts'

/** What is there already is left as it is: what containers made of it is theirs. */
export async function prepareEmptyDir({ volume, pod, path, group }: VolumeRequest): Promise<Prepared> {
  const { medium = '', sizeLimit } = volume.emptyDir ?? {}
  if (medium !== '' && medium !== 'Memory') throw new Error(`unknown storage medium ${JSON.stringify(medium)}`)
  const mode = group ? 0o2777 : 0o777
  if (medium === 'Memory') {
    await mkdir(path, { recursive: true, mode: 0o755 })
    if (!(await isOwnFilesystem(path))) await mountTmpfs(path, { mode, group: group?.group, sizeBytes: memorySize(pod, sizeLimit) })
  } else if (!(await stat(path).catch(() => undefined))) {
    // Under another name until it is whole: a crash leaves no directory that only root may write.
    const fresh = join(dirname(path), `.${basename(path)}.new`)
    await mkdir(fresh, { recursive: true })
    if (group) await chown(fresh, -1, group.group)
    await chmod(fresh, mode)
    await rename(fresh, path)
  }
  return onPath(path)
}

/** Size of a tmpfs in bytes: its limit or the pod's memory limit, whichever is less; undefined for the kernel's half of the memory. */
export function memorySize(pod: Pod, sizeLimit: string | number | undefined): number | undefined {
  const limits = pod.spec.containers.flatMap(({ resources }) => resources?.limits?.memory ?? [])
  const podLimit = limits.length === 0 ? undefined : limits.reduce<number>((sum, limit) => sum + parseQuantity(limit), 0)
  const own = sizeLimit === undefined ? undefined : parseQuantity(sizeLimit)
  // A limit of nothing is no limit, as in Kubernetes; for a tmpfs it is the same.
  const all = [podLimit, own].filter(bytes => bytes !== undefined && bytes > 0) as number[]
  return all.length === 0 ? undefined : Math.min(...all)
}
