/** A pod's directories, files and mounts on this node. Everything lies below the pod's own directory and can be made again. */
import { chmod, chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Container, type Pod, parseQuantity, type Volume, type VolumeMount } from '@davit/api'
import type { BindMount } from '../docker/index.ts'
import type { DownwardContext } from './downward.ts'
import { hostsFile, resolvConf } from './etc-files.ts'
import { prepareHostPath } from './host-path.ts'
import { isMountPoint, mountTmpfs, unmountBelow } from './mounts.ts'
import type { ObjectSource } from './objects.ts'
import { isWritten, payloadOf } from './payload.ts'
import { bindSubPath } from './sub-path.ts'
import { writeAtomically } from './write-atomically.ts'

export interface VolumesOptions {
  objects: ObjectSource
  dnsAddress: string
  clusterDomain: string
  /** The node's own resolv.conf. */
  hostResolvConf?: string
}

export interface PodPlace {
  /** The pod's own directory. */
  dir: string
  context: DownwardContext
}

export interface Volumes {
  /** Makes everything the pod's containers mount; may be called again. Throws with a message for a FailedMount event. */
  prepare(pod: Pod, place: PodPlace): Promise<void>
  /** Brings ConfigMaps, Secrets and downward files up to date. True when something changed. */
  refresh(pod: Pod, place: PodPlace): Promise<boolean>
  /** What the container mounts, subPaths bound. `expand` resolves $(VAR) in a subPathExpr. */
  mountsOf(pod: Pod, container: Container, options: PodPlace & { attempt: number; expand: (text: string) => string }): Promise<BindMount[]>
  /** Where the termination message of an attempt lies. */
  terminationLog(dir: string, container: string, attempt: number): string
  /** Unmounts everything below the pod's directory; only then may it be deleted. */
  remove(dir: string): Promise<void>
}

const PROPAGATION = { None: 'rprivate', HostToContainer: 'rslave', Bidirectional: 'rshared' } as const

export function createVolumes({ objects, dnsAddress, clusterDomain, hostResolvConf = '/etc/resolv.conf' }: VolumesOptions): Volumes {
  const volumeDir = (dir: string, name: string) => join(dir, 'volumes', name)

  const prepareVolume = async (volume: Volume, pod: Pod, { dir, context }: PodPlace) => {
    const path = volumeDir(dir, volume.name)
    const group = pod.spec.securityContext?.fsGroup
    if (volume.hostPath) return prepareHostPath(volume.hostPath)
    if (volume.emptyDir) return prepareEmptyDir(volume, path, group)
    if (!isWritten(volume)) throw new Error(`volumes of type ${typeOf(volume)} are not served yet`)
    await mkdir(path, { recursive: true, mode: 0o755 })
    // Secrets never reach a disk.
    if ((volume.secret || volume.projected) && !(await isMountPoint(path))) await mountTmpfs(path, { mode: 0o755 })
    const payload = await payloadOf(volume, pod, { objects, context })
    await writeAtomically(path, payload, group === undefined ? {} : { group })
  }

  return {
    async prepare(pod, place) {
      const etc = join(place.dir, 'etc')
      await mkdir(etc, { recursive: true, mode: 0o755 })
      const hostEntries = pod.spec.hostNetwork ? await readFile('/etc/hosts', 'utf8').catch(() => '') : undefined
      const hosts = hostsFile(pod, { address: place.context.podIp, clusterDomain, ...(hostEntries !== undefined && { hostEntries }) })
      const host = await readFile(hostResolvConf, 'utf8').catch(() => '')
      await writeFile(join(etc, 'hosts'), hosts, { mode: 0o644 })
      await writeFile(join(etc, 'resolv.conf'), resolvConf(pod, { dnsAddress, clusterDomain, host }), { mode: 0o644 })
      for (const volume of pod.spec.volumes ?? []) {
        try {
          await prepareVolume(volume, pod, place)
        } catch (err) {
          const why = err instanceof Error ? err.message : String(err)
          throw new Error(`MountVolume.SetUp failed for volume "${volume.name}" : ${why}`, { cause: err })
        }
      }
    },

    async refresh(pod, { dir, context }) {
      let changed = false
      const group = pod.spec.securityContext?.fsGroup
      for (const volume of pod.spec.volumes?.filter(isWritten) ?? []) {
        const payload = await payloadOf(volume, pod, { objects, context })
        if (await writeAtomically(volumeDir(dir, volume.name), payload, group === undefined ? {} : { group })) changed = true
      }
      return changed
    },

    async mountsOf(pod, container, { dir, attempt, expand }) {
      const mounts: BindMount[] = []
      for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
        const source = await sourceOf(pod, mount, { dir, expand, place: `${container.name}/${index}` })
        const volume = pod.spec.volumes?.find(({ name }) => name === mount.name)
        // What the agent writes nobody else may.
        mounts.push(bindMount(volume && isWritten(volume) ? { ...mount, readOnly: true } : mount, source))
      }
      const taken = new Set(mounts.map(({ Target: target }) => target))
      const own = async (name: string, target: string) => {
        if (!taken.has(target)) mounts.push({ Type: 'bind', Source: join(dir, 'etc', name), Target: target, ReadOnly: false })
      }
      await own('hosts', '/etc/hosts')
      await own('resolv.conf', '/etc/resolv.conf')
      const log = this.terminationLog(dir, container.name, attempt)
      await mkdir(join(dir, 'containers', container.name), { recursive: true, mode: 0o755 })
      await writeFile(log, '', { flag: 'a' })
      await chmod(log, 0o666)
      mounts.push({ Type: 'bind', Source: log, Target: container.terminationMessagePath ?? '/dev/termination-log', ReadOnly: false })
      return mounts
    },

    terminationLog: (dir, container, attempt) => join(dir, 'containers', container, String(attempt)),

    remove: unmountBelow,
  }

  async function sourceOf(
    pod: Pod,
    mount: VolumeMount,
    { dir, expand, place }: { dir: string; expand: (text: string) => string; place: string },
  ): Promise<string> {
    const volume = pod.spec.volumes?.find(({ name }) => name === mount.name)
    if (!volume) throw new Error(`volume "${mount.name}" is not part of the pod`)
    const root = volume.hostPath ? volume.hostPath.path : volumeDir(dir, volume.name)
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr) : mount.subPath
    if (!subPath) return root
    const target = join(dir, 'subpaths', place)
    await bindSubPath(root, subPath, target)
    return target
  }
}

function bindMount({ mountPath, readOnly = false, mountPropagation = 'None' }: VolumeMount, source: string): BindMount {
  const target = mountPath.startsWith('/') ? mountPath : `/${mountPath}`
  return { Type: 'bind', Source: source, Target: target, ReadOnly: readOnly, BindOptions: { Propagation: PROPAGATION[mountPropagation] } }
}

async function prepareEmptyDir({ emptyDir = {} }: Volume, path: string, group: number | undefined): Promise<void> {
  await mkdir(path, { recursive: true })
  if (emptyDir.medium === 'Memory' && !(await isMountPoint(path))) {
    await mountTmpfs(path, { mode: 0o777, ...(emptyDir.sizeLimit !== undefined && { sizeBytes: parseQuantity(emptyDir.sizeLimit) }) })
  }
  if (group !== undefined) await chown(path, 0, group)
  await chmod(path, group === undefined ? 0o777 : 0o2777)
}

function typeOf({ name: _, ...source }: Volume): string {
  return Object.keys(source)[0] ?? 'none'
}
