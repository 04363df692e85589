/**
 * Deletes what provisioned volumes of this node held once their claims are gone. Each step can be done again, and the object goes last, so
 * that a crash anywhere is made good by the next run. Nothing is deleted but a directory of the volume's own name that lies where this node
 * keeps volumes, or that a marker beside it says was made for this very volume.
 */
import { lstat, realpath, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type Client,
  type Clock,
  deadlineSignal,
  isReason,
  type Logger,
  type PersistentVolume,
  persistentVolumeKind,
  runController,
  startInformer,
  WorkQueue,
} from '@davit/api'
import type { Docker } from '../docker/index.ts'
import { failpoint } from '../failpoints/index.ts'
import { usersOf } from './claim.ts'
import { createDockerVolumes, DAVIT_DRIVER, type DockerVolumes } from './docker-volume.ts'
import { ignoreMissing } from './missing.ts'
import { mountsBelow } from './mounts.ts'
import { isProvisioned, provisionedPath, readMarker, removeMarker } from './provisioned.ts'

export type Reclaim =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'docker-volume'; readonly name: string; readonly driver: string }

export interface ReclaimerOptions {
  client: Client
  docker: Docker
  nodeName: string
  dataDir: string
  /** Where the node keeps volumes, as its annotation says. */
  directory: string
  /** True once the API's cluster was compared with ours: only then is anything deleted. */
  isOwnCluster: () => boolean
  warn: (volume: PersistentVolume, message: string) => void
  clock: Clock
  log: Logger
  signal: AbortSignal
}

const CALL_MS = 15_000
const RETRY_MS = { min: 1_000, max: 300_000 }

/** What of the volume this node is to delete; undefined while it is none of its business. Throws when it must not. Pure. */
export function reclaimOf(volume: PersistentVolume, nodeName: string): Reclaim | undefined {
  const { metadata, spec, status } = volume
  if (!isProvisioned(volume) || metadata.labels?.['kubernetes.io/hostname'] !== nodeName) return undefined
  if (status?.phase !== 'Released' || spec.persistentVolumeReclaimPolicy !== 'Delete') return undefined
  if (spec.local) return { kind: 'directory', path: provisionedPath(volume) }
  if (spec.csi?.driver !== DAVIT_DRIVER) throw new Error('its source is none that Davit provisions')
  return { kind: 'docker-volume', name: spec.csi.volumeHandle, driver: spec.csi.volumeAttributes?.driver ?? 'local' }
}

/** Runs until `signal` aborts. */
export function startReclaimer(options: ReclaimerOptions): { wake(): void; readonly stopped: Promise<void> } {
  const { client, docker, nodeName, isOwnCluster, warn, clock, log, signal } = options
  const queue = new WorkQueue({ clock, backoffMs: RETRY_MS })
  const labelSelector = `kubernetes.io/hostname=${nodeName}`
  const volumes = startInformer(client, persistentVolumeKind, { labelSelector, signal, log, clock })
  const dockerVolumes = createDockerVolumes(docker)
  const told = new Map<string, string>()

  volumes.onChange(({ type, key }) => {
    if (type === 'deleted') told.delete(key)
    else queue.add(key)
  })

  const reconcile = async (name: string) => {
    const volume = volumes.cache.get(name)
    if (!volume || !isOwnCluster()) return
    try {
      const reclaim = reclaimOf(volume, nodeName)
      if (!reclaim) return
      if (reclaim.kind === 'directory') await deleteDirectory(volume, reclaim.path, { ...options, clusterId: docker.clusterId })
      else await deleteDockerVolume(volume, reclaim, { dockerVolumes, docker, dataDir: options.dataDir })
      await failpoint('volumes.reclaim.emptied')
      await deleteObject(client, volume, signal)
      log.info({ persistentVolume: name, ...reclaim }, 'Deleted a volume that was released')
    } catch (err) {
      const message = err instanceof Error ? err.message : String(err)
      if (!signal.aborted && told.get(name) !== message) warn(volume, message)
      told.set(name, message)
      throw err
    }
  }
  return {
    wake() {
      for (const { metadata } of volumes.cache.list()) queue.add(metadata.name ?? '')
    },
    stopped: runController(queue, reconcile, { log, signal, workers: 2 }),
  }
}

/** Also good when part of it, or all, was done before. */
async function deleteDirectory(
  volume: PersistentVolume,
  path: string,
  { directory, dataDir, clusterId }: { directory: string; dataDir: string; clusterId: string },
): Promise<void> {
  await checkUnused(volume, dataDir)
  const marker = await readMarker(path)
  const found = await lstat(path).catch(ignoreMissing)
  if (!found && !marker) return
  const isOurs = marker?.uid === volume.metadata.uid && marker?.volume === volume.metadata.name && marker?.clusterId === clusterId
  if (marker ? !isOurs : dirname(path) !== directory) throw new Error(`path "${path}" was not made for this volume: nothing is deleted`)
  if (found && !found.isDirectory()) throw new Error(`path "${path}" is not a directory: nothing is deleted`)
  // The kernel names mounts without the links on the way.
  const [mount] = found ? await mountsBelow(await realpath(path)) : []
  if (mount !== undefined) throw new Error(`"${mount}" is mounted in path "${path}": nothing is deleted`)
  await rm(path, { recursive: true, force: true })
  await failpoint('volumes.reclaim.directory')
  await removeMarker(path)
}

async function deleteDockerVolume(
  volume: PersistentVolume,
  { name, driver }: { name: string; driver: string },
  { dockerVolumes, docker, dataDir }: { dockerVolumes: DockerVolumes; docker: Pick<Docker, 'clusterId'>; dataDir: string },
): Promise<void> {
  await checkUnused(volume, dataDir)
  const found = await dockerVolumes.inspect(name)
  if (!found) return
  // A volume of a plug-in may have been made by another node, whose labels this Docker does not know.
  const isOurs = Object.values(found.labels).includes(docker.clusterId) || (driver !== 'local' && Object.keys(found.labels).length === 0)
  if (!isOurs || found.driver !== driver) throw new Error(`Docker volume "${name}" was not made by this cluster: nothing is deleted`)
  await dockerVolumes.remove(name)
}

/** Its claim is gone, but a pod here may still be on its way out. */
async function checkUnused({ metadata }: PersistentVolume, dataDir: string): Promise<void> {
  const [user] = await usersOf(metadata.name ?? '', { podsDir: join(dataDir, 'pods') })
  if (user !== undefined) throw new Error(`it is still used by the pod ${user} of this node`)
}

async function deleteObject(client: Client, { metadata }: PersistentVolume, signal: AbortSignal): Promise<void> {
  const { name = '', uid = '' } = metadata
  try {
    await client.resource(persistentVolumeKind).delete({ name }, { preconditions: { uid }, signal: deadlineSignal(CALL_MS, signal) })
  } catch (err) {
    if (!isReason(err, 'NotFound') && !isReason(err, 'Conflict')) throw err
  }
}
