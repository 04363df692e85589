/** From a container's volumeMount to what Docker's create call says of it. Pure. */
import type { VolumeDevice, VolumeMount } from '@davit/api'
import { isOlder, type Mount } from '../docker/index.ts'
import type { Prepared } from './source.ts'

/** Of `None` Docker is told nothing: it makes it private, but for a path with its own data in it, such as `/`, which it refuses so. */
const PROPAGATION = { None: {}, HostToContainer: { Propagation: 'rslave' }, Bidirectional: { Propagation: 'rshared' } } as const
/** From this API on read-only mounts can be so with everything below them, and part of a volume can be mounted. */
const RECURSIVE_API = '1.44'
const SUBPATH_API = '1.45'

export interface MountContext {
  /** Such as `1.41`. */
  readonly apiVersion: string
  /** Where the subPath was bound; the volume's own root when left out. */
  readonly bound?: string
  /** In a volume of Docker that has no place on this machine while it is not in use. */
  readonly subPath?: string
}

/** Throws when this Docker cannot do what the mount asks for. */
export function containerMount(mount: VolumeMount, prepared: Prepared, { apiVersion, bound, subPath }: MountContext): Mount {
  const { name, mountPath, mountPropagation = 'None' } = mount
  const target = mountPath.startsWith('/') ? mountPath : `/${mountPath}`
  const readOnly = prepared.readOnly || mount.readOnly === true
  if (prepared.from === 'device') throw new Error(`volume ${name} has volumeMode Block, but is specified in volumeMounts`)
  if (prepared.from === 'docker' && bound === undefined) {
    if (subPath !== undefined && isOlder(apiVersion, SUBPATH_API))
      throw new Error(`subPath of volume "${name}" needs Docker 26 or newer: Docker mounts it only while it is in use`)
    return {
      Type: 'volume',
      Source: prepared.name,
      Target: target,
      ReadOnly: readOnly,
      // Kubernetes never fills a volume with what the image has at its place.
      VolumeOptions: { NoCopy: true, ...(subPath !== undefined && { Subpath: subPath }) },
    }
  }
  const source = bound ?? (prepared.from === 'path' ? prepared.path : '')
  return {
    Type: 'bind',
    Source: source,
    Target: target,
    ReadOnly: readOnly,
    BindOptions: { ...PROPAGATION[mountPropagation], ...recursion(mount, readOnly, apiVersion) },
  }
}

/** What is mounted below a read-only mount: Docker before 25 leaves it writable and cannot do otherwise. */
function recursion(
  { name, recursiveReadOnly = 'Disabled' }: VolumeMount,
  readOnly: boolean,
  apiVersion: string,
): { ReadOnlyNonRecursive?: true; ReadOnlyForceRecursive?: true } {
  const canRecurse = !isOlder(apiVersion, RECURSIVE_API)
  if (recursiveReadOnly === 'Enabled') {
    if (!canRecurse)
      throw new Error(
        `failed to resolve recursive read-only mode: volume "${name}" requested recursive read-only mode, but it is not supported by the runtime`,
      )
    return { ReadOnlyForceRecursive: true }
  }
  return readOnly && canRecurse && recursiveReadOnly === 'Disabled' ? { ReadOnlyNonRecursive: true } : {}
}

/** A block device that a container gets under a name of its own. */
export interface DeviceMapping {
  readonly PathOnHost: string
  readonly PathInContainer: string
  readonly CgroupPermissions: string
}

/** Throws when the volume is none. */
export function containerDevice({ name, devicePath }: VolumeDevice, prepared: Prepared): DeviceMapping {
  if (prepared.from !== 'device') throw new Error(`volume ${name} has volumeMode Filesystem, but is specified in volumeDevices`)
  return { PathOnHost: prepared.path, PathInContainer: devicePath, CgroupPermissions: prepared.readOnly ? 'r' : 'rwm' }
}
