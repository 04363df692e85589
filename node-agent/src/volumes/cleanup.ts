/** Takes away what an agent's volumes leave on a machine when nothing of it is to run any more. */
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ask, type Docker } from '../docker/index.ts'
import { createDockerVolumes } from './docker-volume.ts'
import { imageVolumesDir } from './image-volume.ts'
import { removeMemory } from './memory.ts'
import { namesIn } from './missing.ts'
import { unmountBelow } from './mounts.ts'

export interface LeftVolumes {
  /** Where claims' data lies that was not deleted; undefined when there is none. */
  readonly directory?: string
  readonly names: readonly string[]
  /** Docker volumes of claims. */
  readonly dockerVolumes: readonly string[]
}

const DEADLINE_MS = 60_000

/** Claims' directory of a node, unless its StorageClass says otherwise. */
export function claimsDirectory(dataDir: string): string {
  return resolve(dataDir, 'claims')
}

/**
 * Unmounts everything, and removes what can be made again. Data of claims stays unless `removeData`; what stays is told.
 * The containers must be gone before.
 */
export async function cleanUpVolumes(
  dataDir: string,
  { docker, removeData }: { docker: Docker | undefined; removeData: boolean },
): Promise<LeftVolumes> {
  const podsDir = join(dataDir, 'pods')
  await unmountBelow(podsDir)
  await removeMemory(dataDir)
  await rm(imageVolumesDir(dataDir), { recursive: true, force: true })
  const volumes = docker && createDockerVolumes(docker)
  for (const uid of await namesIn(podsDir)) await volumes?.removeOfPod(join(podsDir, uid))
  const dockerVolumes = docker ? await ownVolumes(docker) : []
  const directory = claimsDirectory(dataDir)
  if (!removeData) {
    const names = (await namesIn(directory)).filter(name => !name.startsWith('.'))
    return { names, dockerVolumes, ...(names.length > 0 && { directory }) }
  }
  await unmountBelow(directory)
  await rm(directory, { recursive: true, force: true })
  for (const name of dockerVolumes) await volumes?.remove(name)
  return { names: [], dockerVolumes: [] }
}

async function ownVolumes({ raw, labels }: Docker): Promise<string[]> {
  const filters = JSON.stringify({ label: Object.entries(labels).map(([name, value]) => `${name}=${value}`) })
  const options = { filters } as unknown as Parameters<typeof raw.listVolumes>[0]
  const { Volumes: found } = await ask('list volumes', DEADLINE_MS, () => raw.listVolumes(options))
  return (found ?? []).map(({ Name }) => Name)
}
