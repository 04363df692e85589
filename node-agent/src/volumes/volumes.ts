/** A pod's directories, files and mounts on this node. All but what claims hold lies below the pod's own directory and can be made again. */
import { access, chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { type Clock, type Container, type Logger, type Pod, systemClock, type Volume } from '@davit/api'
import type { Docker, Mount } from '../docker/index.ts'
import { failpoint } from '../failpoints/index.ts'
import { claimNameOf, claimsDir, findClaim, readClaim } from './claim.ts'
import { containerDevice, containerMount, type DeviceMapping } from './container-mounts.ts'
import { createDockerVolumes, nfsVolume } from './docker-volume.ts'
import { prepareEmptyDir } from './empty-dir.ts'
import { hostsFile, resolvConf } from './etc-files.ts'
import { fsGroupOf } from './fs-group.ts'
import { prepareHostPath } from './host-path.ts'
import { createImageVolumes } from './image-volume.ts'
import { inTurn } from './in-turn.ts'
import { createMemory } from './memory.ts'
import { isOwnFilesystem, unmountBelow } from './mounts.ts'
import type { ObjectSource } from './objects.ts'
import { isWritten, MissingError, payloadOf } from './payload.ts'
import { preparePersistent } from './persistent.ts'
import { onPath, type PodPlace, type Prepared, type VolumeRequest } from './source.ts'
import { bindSubPath, checkedSubPath } from './sub-path.ts'
import { createTokens, type IssueToken } from './tokens.ts'
import { createMeter, filesystemUsage, type VolumeUsage } from './usage.ts'
import { writeAtomically } from './write-atomically.ts'

export interface VolumesOptions {
  objects: ObjectSource
  dnsAddress: string
  clusterDomain: string
  /** The node's own resolv.conf. */
  hostResolvConf?: string
  /** The agent's own; pods lie in `pods` below it. */
  dataDir: string
  /** Without it nothing is served that Docker keeps. */
  docker?: Docker
  nodeName?: string
  nodeLabels?: () => Readonly<Record<string, string>>
  /** Without it no pod gets a token. */
  issueToken?: IssueToken
  clock?: Clock
  log?: Logger
}

export interface Volumes {
  /** Makes everything the pod's containers mount; may be called again. Throws with a message for a FailedMount event. */
  prepare(pod: Pod, place: PodPlace): Promise<void>
  /** Brings ConfigMaps, Secrets, tokens and downward files up to date. `dueInMs`: until a token must be renewed. */
  refresh(pod: Pod, place: PodPlace): Promise<{ changed: boolean; dueInMs?: number }>
  /** What the container mounts, subPaths bound. `expand` resolves $(VAR) in a subPathExpr, and throws when one has no value. */
  mountsOf(container: Container, options: PodPlace & { attempt: number; expand: (text: string) => string }): Promise<Mount[]>
  /** The block devices the container asks for. */
  devicesOf(container: Container, place: Pick<PodPlace, 'dir'>): DeviceMapping[]
  /** Where the termination message of an attempt lies. */
  terminationLog(dir: string, container: string, attempt: number): string
  /** How much the pod's volumes hold; what cannot be measured now is left out. A directory's answer may be ten seconds old. */
  usage(pod: Pod, place: Pick<PodPlace, 'dir'>): Promise<VolumeUsage[]>
  /** The pod has ended for good: gives back all its volumes, and what was in them unless a claim holds it. May be called again. */
  release(dir: string): Promise<void>
  /** Takes away everything of the pod outside of its directory, and every mount in it; only then may that be deleted. */
  remove(dir: string): Promise<void>
  /** Takes away what a crash left of pods that `isKnown` denies, outside of their directories. */
  sweep(isKnown: (uid: string) => boolean): Promise<void>
}

export function createVolumes(options: VolumesOptions): Volumes {
  const { objects, dnsAddress, clusterDomain, hostResolvConf = '/etc/resolv.conf', dataDir, docker, clock = systemClock, log } = options
  const { nodeName = '', nodeLabels = () => ({}), issueToken = noTokens } = options
  const memory = createMemory(dataDir)
  const tokens = createTokens({ issue: issueToken, clock })
  const images = createImageVolumes({ dataDir, docker })
  const dockerVolumes = docker && createDockerVolumes(docker)
  const measure = createMeter(clock)
  const turns = inTurn()
  const preparedOf = new Map<string, Map<string, Prepared>>()

  const diskPath = (dir: string, name: string) => join(dir, 'volumes', name)

  /** Secrets never reach a disk. */
  const writtenPath = async (volume: Volume, dir: string, make = false): Promise<string> => {
    const onDisk = diskPath(dir, volume.name)
    if (!volume.secret && !volume.projected) {
      if (make) await mkdir(onDisk, { recursive: true, mode: 0o755 })
      return onDisk
    }
    // Agents before this one gave each its own mount there, and the pod's containers may still have it.
    if (await isOwnFilesystem(onDisk)) return onDisk
    return make ? memory.make(dir, volume.name) : memory.path(dir, volume.name)
  }

  const write = async (volume: Volume, path: string, { pod, place }: Pick<VolumeRequest, 'pod' | 'place'>) => {
    const payload = await payloadOf(volume, pod, { objects, token: tokens.get, context: place.context })
    const group = fsGroupOf(pod)?.group
    return writeAtomically(path, payload, group === undefined ? {} : { group })
  }

  const prepareWritten = async ({ volume, pod, place }: VolumeRequest): Promise<Prepared> => {
    const path = await writtenPath(volume, place.dir, true)
    try {
      await write(volume, path, { pod, place })
    } catch (err) {
      // The API may be away while a pod's container starts anew: it keeps what the pod had before.
      if (err instanceof MissingError || !(await holdsFiles(path))) throw err
      log?.warn({ pod: pod.metadata.name, volume: volume.name, err }, 'Cannot bring a volume up to date; it keeps what it had')
    }
    return onPath(path, { readOnly: true })
  }

  const prepareVolume = async (request: VolumeRequest): Promise<Prepared> => {
    const { volume, pod, place } = request
    if (volume.emptyDir) return prepareEmptyDir(request)
    if (isWritten(volume)) return prepareWritten(request)
    if (volume.hostPath) {
      await prepareHostPath(volume.hostPath)
      return onPath(volume.hostPath.path)
    }
    if (volume.image) return images.prepare(request)
    if (claimNameOf(pod, volume) !== undefined) {
      const found = await findClaim(pod, volume, { podDir: place.dir, deps: { objects, nodeName, nodeLabels } })
      return preparePersistent(found, request, { volumes: dockerVolumes, clusterId: docker?.clusterId ?? '' })
    }
    if (volume.nfs && dockerVolumes) return dockerVolumes.ensureForPod(request, nfsVolume(volume.nfs, request))
    if (volume.csi) throw new Error(`driver name ${volume.csi.driver} not found in the list of registered CSI drivers`)
    throw new Error(`volumes of type ${typeOf(volume)} are not served on Davit's nodes`)
  }

  const preparedVolume = (dir: string, name: string): Prepared => {
    const found = preparedOf.get(dir)?.get(name)
    if (!found) throw new Error(`volume "${name}" is not part of the pod, or not prepared`)
    return found
  }

  const letGo = async (dir: string) => {
    await unmountBelow(dir)
    await failpoint('volumes.remove.unmounted')
    await memory.remove(dir)
    await failpoint('volumes.remove.memory')
    await images.release(dir)
    tokens.forget(basename(dir))
    preparedOf.delete(dir)
  }

  return {
    prepare: (pod, place) =>
      turns(place.dir, async () => {
        await writeEtcFiles(pod, place)
        await failpoint('volumes.prepare.etc')
        const prepared = new Map<string, Prepared>()
        for (const volume of pod.spec.volumes ?? []) {
          try {
            const request = { volume, pod, place, path: diskPath(place.dir, volume.name), group: fsGroupOf(pod) }
            prepared.set(volume.name, await prepareVolume(request))
            await failpoint('volumes.prepare.volume')
          } catch (err) {
            const why = err instanceof Error ? err.message : String(err)
            throw new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${why}`, { cause: err })
          }
        }
        preparedOf.set(place.dir, prepared)
      }),

    refresh: (pod, place) =>
      turns(place.dir, async () => {
        let changed = false
        const failures: string[] = []
        for (const volume of pod.spec.volumes?.filter(isWritten) ?? []) {
          const path = await writtenPath(volume, place.dir)
          // Never made, or taken away again: nobody mounts it.
          if (!(await holdsFiles(path))) continue
          try {
            if (await write(volume, path, { pod, place })) changed = true
          } catch (err) {
            failures.push(`MountVolume.SetUp failed for volume "${volume.name}" : ${err instanceof Error ? err.message : String(err)}`)
          }
        }
        if (failures.length > 0) throw new Error(failures.join('; '))
        const dueInMs = tokens.dueInMs(pod.metadata.uid ?? '')
        return { changed, ...(dueInMs !== undefined && { dueInMs }) }
      }),

    async mountsOf(container, { dir, attempt, expand }) {
      const mounts: Mount[] = []
      const apiVersion = docker?.apiVersion ?? '1.41'
      for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
        const prepared = preparedVolume(dir, mount.name)
        const privileged = container.securityContext?.privileged === true
        if (mount.mountPropagation === 'Bidirectional' && !privileged)
          throw new Error(`Bidirectional mount propagation of volume "${mount.name}" is available only to privileged containers`)
        const written = mount.subPathExpr ? expand(mount.subPathExpr) : mount.subPath
        const subPath = written ? checkedSubPath(written) : undefined
        const root = prepared.from === 'device' ? undefined : prepared.path
        if (subPath === undefined || root === undefined) {
          mounts.push(containerMount(mount, prepared, { apiVersion, ...(subPath !== undefined && { subPath }) }))
          continue
        }
        const bound = join(dir, 'subpaths', container.name, String(index))
        await bindSubPath(root, subPath, { target: bound, volume: mount.name, container: container.name })
        mounts.push(containerMount(mount, prepared, { apiVersion, bound }))
      }
      const taken = new Set(mounts.map(({ Target: target }) => target))
      const own = (name: string, target: string) => {
        if (!taken.has(target)) mounts.push({ Type: 'bind', Source: join(dir, 'etc', name), Target: target, ReadOnly: false })
      }
      own('hosts', '/etc/hosts')
      own('resolv.conf', '/etc/resolv.conf')
      const messages = this.terminationLog(dir, container.name, attempt)
      await mkdir(join(dir, 'containers', container.name), { recursive: true, mode: 0o755 })
      await writeFile(messages, '', { flag: 'a' })
      await chmod(messages, 0o666)
      mounts.push({
        Type: 'bind',
        Source: messages,
        Target: container.terminationMessagePath ?? '/dev/termination-log',
        ReadOnly: false,
      })
      return mounts
    },

    devicesOf: (container, { dir }) =>
      (container.volumeDevices ?? []).map(device => containerDevice(device, preparedVolume(dir, device.name))),

    terminationLog: (dir, container, attempt) => join(dir, 'containers', container, String(attempt)),

    async usage(pod, { dir }) {
      const measured = (pod.spec.volumes ?? []).map(async (volume): Promise<VolumeUsage[]> => {
        try {
          return await usageOf(pod, volume, dir)
        } catch {
          return []
        }
      })
      return (await Promise.all(measured)).flat()
    },

    release: dir =>
      turns(dir, async () => {
        await letGo(dir)
        for (const path of [join(dir, 'volumes'), join(dir, 'subpaths'), claimsDir(dir)]) await rm(path, { recursive: true, force: true })
      }),

    remove: dir =>
      turns(dir, async () => {
        await letGo(dir)
        await dockerVolumes?.removeOfPod(dir)
      }),

    async sweep(isKnown) {
      await memory.sweep(isKnown)
      await images.sweep()
    },
  }

  async function writeEtcFiles(pod: Pod, { dir, context }: PodPlace): Promise<void> {
    const etc = join(dir, 'etc')
    await mkdir(etc, { recursive: true, mode: 0o755 })
    const hostEntries = pod.spec.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : undefined
    const hosts = hostsFile(pod, { address: context.podIp, clusterDomain, ...(hostEntries !== undefined && { hostEntries }) })
    const host = await readFile(hostResolvConf, 'utf8').catch(() => '')
    await writeFile(join(etc, 'hosts'), hosts, { mode: 0o644 })
    await writeFile(join(etc, 'resolv.conf'), resolvConf(pod, { dnsAddress, clusterDomain, host }), { mode: 0o644 })
  }

  async function usageOf(pod: Pod, volume: Volume, dir: string): Promise<VolumeUsage[]> {
    const { name } = volume
    const claimName = claimNameOf(pod, volume)
    if (claimName !== undefined) {
      const spec = (await readClaim(dir, name))?.volume.spec
      const known = preparedOf.get(dir)?.get(name)
      const path = spec?.local?.path ?? spec?.hostPath?.path ?? (known?.from === 'docker' ? known.path : undefined)
      if (path === undefined || spec?.volumeMode === 'Block') return []
      return [{ name, claim: { namespace: pod.metadata.namespace ?? 'default', name: claimName }, ...(await filesystemUsage(path)) }]
    }
    if (volume.emptyDir?.medium === 'Memory') return [{ name, ...(await filesystemUsage(diskPath(dir, name))) }]
    if (!volume.emptyDir && !isWritten(volume)) return []
    const path = volume.emptyDir ? diskPath(dir, name) : await writtenPath(volume, dir)
    return [{ name, ...(await filesystemUsage(path)), ...(await measure(path)) }]
  }
}

async function holdsFiles(path: string): Promise<boolean> {
  return access(join(path, '..data')).then(
    () => true,
    () => false,
  )
}

const noTokens: IssueToken = async () => {
  throw new Error('no tokens can be had here')
}

function typeOf({ name: _, ...source }: Volume): string {
  return Object.keys(source)[0] ?? 'none'
}
