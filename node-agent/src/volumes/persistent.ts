/** A claim's volume: which of its sources this node can serve, and how. */
import { stat } from 'node:fs/promises'
import type { PersistentVolume, PersistentVolumeClaim } from '@davit/api'
import type { BoundClaim } from './claim.ts'
import { DAVIT_DRIVER, type DockerVolumes, nfsVolume, storedVolume } from './docker-volume.ts'
import { applyFsGroup } from './fs-group.ts'
import { prepareHostPath } from './host-path.ts'
import { isProvisioned, makeProvisioned } from './provisioned.ts'
import { onPath, type Prepared, type VolumeRequest } from './source.ts'

export interface PersistentDeps {
  readonly volumes: DockerVolumes | undefined
  readonly clusterId: string
}

export async function preparePersistent(
  { claim, volume }: BoundClaim,
  request: VolumeRequest,
  { volumes, clusterId }: PersistentDeps,
): Promise<Prepared> {
  const { hostPath, local, csi, nfs, mountOptions = [] } = volume.spec
  const readOnly = isReadOnly(claim, request)
  if (volume.spec.volumeMode === 'Block') return prepareBlock(volume, readOnly)
  if (hostPath) {
    await prepareHostPath(hostPath)
    return onPath(hostPath.path, { readOnly })
  }
  if (local) {
    if (isProvisioned(volume)) await makeProvisioned(volume, clusterId)
    else await checkStatic(local.path)
    if (request.group && !readOnly) await applyFsGroup(local.path, request.group)
    return onPath(local.path, { readOnly })
  }
  if (csi) {
    if (csi.driver !== DAVIT_DRIVER) throw new Error(`driver name ${csi.driver} not found in the list of registered CSI drivers`)
    const prepared = await need(volumes).ensure(storedVolume(csi, need(volumes).labels))
    if (prepared.path && request.group && !readOnly && !csi.readOnly) await applyFsGroup(prepared.path, request.group)
    return { ...prepared, readOnly: readOnly || csi.readOnly === true }
  }
  if (nfs) return need(volumes).ensureForPod(request, nfsVolume(nfs, { ...request, mountOptions, readOnly }))
  throw new Error(`volumes of type ${sourceOf(volume)} are not served on Davit's nodes`)
}

/** As the pod says, or as the only access mode allows. */
function isReadOnly({ spec }: PersistentVolumeClaim, { volume }: VolumeRequest): boolean {
  const { accessModes = [] } = spec
  return volume.persistentVolumeClaim?.readOnly === true || (accessModes.length > 0 && accessModes.every(mode => mode === 'ReadOnlyMany'))
}

/** A directory somebody has made for this volume: one that is missing must not silently become an empty one. */
async function checkStatic(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new Error(`path "${path}" does not exist`)
  if (!found.isDirectory()) throw new Error(`path "${path}" of a local volume is not a directory`)
}

/** Only what is a block device already can be handed out as one. */
async function prepareBlock({ spec }: PersistentVolume, readOnly: boolean): Promise<Prepared> {
  const path = spec.hostPath?.path ?? spec.local?.path
  if (path === undefined)
    throw new Error('volumeMode Block is served for hostPath and local volumes that are a block device, and for no others')
  const found = await stat(path).catch(() => undefined)
  if (!found?.isBlockDevice()) throw new Error(`volumeMode is Block, and ${path} is not a block device`)
  return { from: 'device', path, readOnly }
}

function need(volumes: DockerVolumes | undefined): DockerVolumes {
  if (!volumes) throw new Error('Docker is not at hand')
  return volumes
}

function sourceOf({ spec }: PersistentVolume): string {
  const others = new Set(['capacity', 'accessModes', 'claimRef', 'mountOptions', 'nodeAffinity'])
  return Object.entries(spec).find(([name, value]) => typeof value === 'object' && !others.has(name))?.[0] ?? 'none'
}
