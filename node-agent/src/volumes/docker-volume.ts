/** Volumes that Docker keeps: those of the driver docker.davit.dev, and network file systems, which Docker mounts while they are used. */
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { CsiPersistentVolumeSource } from '@davit/api'
import { ask, type Docker, isDockerCode } from '../docker/index.ts'
import { namesIn } from './missing.ts'
import type { Prepared, VolumeRequest } from './source.ts'

export const DAVIT_DRIVER = 'docker.davit.dev'
const OPTION = 'opt.'
const POD_VOLUMES = 'docker-volumes'
const DEADLINE_MS = 60_000

/** Body of `POST /volumes/create`. */
export interface VolumeCreate {
  readonly Name: string
  readonly Driver: string
  readonly DriverOpts: Readonly<Record<string, string>>
  readonly Labels: Readonly<Record<string, string>>
}

/** The named volume that a PersistentVolume of our driver stands for. Pure. */
export function storedVolume(
  { volumeHandle, volumeAttributes = {} }: CsiPersistentVolumeSource,
  labels: Readonly<Record<string, string>>,
): VolumeCreate {
  const options = Object.entries(volumeAttributes).filter(([name]) => name.startsWith(OPTION))
  return {
    Name: volumeHandle,
    Driver: volumeAttributes.driver ?? 'local',
    DriverOpts: Object.fromEntries(options.map(([name, value]) => [name.slice(OPTION.length), value])),
    Labels: labels,
  }
}

/** A network file system, as Docker's own driver mounts it while a container uses it. Pure. */
export function nfsVolume(
  { server, path, readOnly: own = false }: { server: string; path: string; readOnly?: boolean },
  {
    pod,
    volume,
    labels = {},
    mountOptions = [],
    readOnly = false,
  }: Pick<VolumeRequest, 'pod' | 'volume'> & {
    labels?: Readonly<Record<string, string>>
    mountOptions?: readonly string[]
    readOnly?: boolean
  },
): VolumeCreate {
  const options = [`addr=${server}`, own || readOnly ? 'ro' : 'rw', ...mountOptions]
  return {
    Name: `davit-${pod.metadata.uid}-${volume.name}`,
    Driver: 'local',
    DriverOpts: { type: 'nfs', o: options.join(','), device: `:${path}` },
    Labels: labels,
  }
}

type DockerPrepared = Extract<Prepared, { from: 'docker' }>

export interface DockerVolumes {
  readonly labels: Readonly<Record<string, string>>
  /** Makes sure of a volume that outlives pods. */
  ensure(create: VolumeCreate): Promise<DockerPrepared>
  /** Makes sure of a volume that goes with the pod. */
  ensureForPod(request: VolumeRequest, create: VolumeCreate): Promise<DockerPrepared>
  /** Takes away what was made for the pod; its containers must be gone. */
  removeOfPod(podDir: string): Promise<void>
  /** Resolves also when it is gone. A `DockerError` of code 409 when a container has it. */
  remove(name: string): Promise<void>
  /** Labels and driver of a volume; undefined when there is none. */
  inspect(name: string): Promise<{ driver: string; labels: Readonly<Record<string, string>>; path: string } | undefined>
}

export function createDockerVolumes({ raw, labels }: Pick<Docker, 'raw' | 'labels'>): DockerVolumes {
  const inspect: DockerVolumes['inspect'] = async name => {
    try {
      const { Driver, Labels, Mountpoint } = await ask('inspect volume', DEADLINE_MS, () => raw.getVolume(name).inspect())
      return { driver: Driver, labels: Labels ?? {}, path: Mountpoint }
    } catch (err) {
      if (isDockerCode(err, 404)) return undefined
      throw err
    }
  }
  const remove = async (name: string) => {
    try {
      await ask('remove volume', DEADLINE_MS, () => raw.getVolume(name).remove())
    } catch (err) {
      if (!isDockerCode(err, 404)) throw err
    }
  }
  const ensure = async (create: VolumeCreate): Promise<DockerPrepared> => {
    const make = async () => {
      await ask('create volume', DEADLINE_MS, () =>
        raw.createVolume({ ...create, DriverOpts: { ...create.DriverOpts }, Labels: { ...create.Labels } }),
      )
      return inspect(create.Name)
    }
    const found = (await inspect(create.Name)) ?? (await make())
    if (!found) throw new Error(`Docker volume ${create.Name} is not there after it was made`)
    if (found.driver !== create.Driver)
      throw new Error(`Docker volume ${create.Name} is of driver ${found.driver}, wanted ${create.Driver}`)
    // With options it is a mount that is only there while a container uses it.
    const isDirectory = create.Driver === 'local' && !['type', 'device', 'o'].some(name => name in create.DriverOpts)
    return { from: 'docker', name: create.Name, readOnly: false, ...(isDirectory && { path: found.path }) }
  }
  return {
    labels,
    inspect,
    remove,
    ensure,
    async ensureForPod({ place }, create) {
      // Before it is made, so that a crash leaves none behind.
      const dir = join(place.dir, POD_VOLUMES)
      await mkdir(dir, { recursive: true, mode: 0o700 })
      await writeFile(join(dir, create.Name), '')
      return ensure({ ...create, Labels: { ...labels, ...create.Labels } })
    },
    async removeOfPod(podDir) {
      for (const name of await namesIn(join(podDir, POD_VOLUMES))) {
        if (name.startsWith(`davit-${basename(podDir)}-`)) await remove(name)
      }
    },
  }
}
