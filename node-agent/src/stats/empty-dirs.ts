import { join } from 'node:path'
import { type Pod, parseQuantity } from '@davit/api'
import { diskUsage } from './disk-usage.ts'
import { readFileSystem } from './proc.ts'
import type { VolumeUse } from './types.ts'

/** What a pod's emptyDirs take: those in memory as their tmpfs says, those on disk by a walk. `dir`: the pod's own directory. */
export async function emptyDirUse(pod: Pod, dir: string, signal: AbortSignal): Promise<VolumeUse[]> {
  const uses: VolumeUse[] = []
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    const path = join(dir, 'volumes', name)
    const on = emptyDir && (await readFileSystem(path))
    if (!on) continue
    const { availableBytes, capacityBytes, inodes, inodesFree } = on
    const shared = { name, availableBytes, capacityBytes, inodes, inodesFree }
    if (emptyDir.medium === 'Memory') uses.push({ ...shared, usedBytes: on.usedBytes, inodesUsed: on.inodesUsed })
    else {
      const { bytes, inodes: inodesUsed } = await diskUsage(path, signal)
      const limit = emptyDir.sizeLimit === undefined ? Number.POSITIVE_INFINITY : parseQuantity(emptyDir.sizeLimit)
      uses.push({ ...shared, capacityBytes: Math.min(capacityBytes, limit), usedBytes: bytes, inodesUsed })
    }
  }
  return uses
}
