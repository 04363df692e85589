/**
 * From a pod's volume to the PersistentVolume its claim is bound to. What was found is kept in the pod's directory: a pod comes back with
 * its claims also while the API is away, and the node knows which volumes are in use whatever became of this process.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { isReason, type PersistentVolume, type PersistentVolumeClaim, type Pod, type Volume } from '@davit/api'
import { ignoreMissing, namesIn } from './missing.ts'
import { servesNode } from './node-affinity.ts'
import type { ObjectSource } from './objects.ts'

const CLAIMS = 'claims'

export interface BoundClaim {
  readonly claim: PersistentVolumeClaim
  readonly volume: PersistentVolume
}

export interface ClaimDeps {
  readonly objects: ObjectSource
  readonly nodeName: string
  readonly nodeLabels: () => Readonly<Record<string, string>>
}

/** The claim's name when the volume is one of a claim, written or made for the pod. */
export function claimNameOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): string | undefined {
  return persistentVolumeClaim?.claimName ?? (ephemeral ? `${pod.metadata.name}-${name}` : undefined)
}

/** Finds claim and volume, and marks them as in use by the pod. Throws with a message for a FailedMount event. */
export async function findClaim(pod: Pod, volume: Volume, { podDir, deps }: { podDir: string; deps: ClaimDeps }): Promise<BoundClaim> {
  const name = claimNameOf(pod, volume) ?? ''
  const namespace = pod.metadata.namespace ?? 'default'
  let found: BoundClaim
  try {
    found = await askApi(namespace, name, deps.objects)
  } catch (err) {
    if (err instanceof NotReady || isReason(err, 'Forbidden')) throw err
    const kept = await readClaim(podDir, volume.name).catch(() => undefined)
    if (!kept) throw err
    return kept
  }
  if (volume.ephemeral && !found.claim.metadata.ownerReferences?.some(({ uid, controller }) => controller && uid === pod.metadata.uid))
    throw new NotReady(`PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`)
  checkBound(found, deps)
  if (found.claim.spec.accessModes?.includes('ReadWriteOncePod')) await checkAlone(found.volume, podDir)
  await keepClaim(podDir, volume.name, found)
  return found
}

/** An answer of the API by which the claim cannot be mounted: unlike its silence, nothing that was known before counts beside it. */
export class NotReady extends Error {}

async function askApi(namespace: string, name: string, objects: ObjectSource): Promise<BoundClaim> {
  const claim = await objects.claim(namespace, name)
  if (!claim) throw new NotReady(`persistentvolumeclaim "${name}" not found`)
  const volumeName = claim.spec.volumeName
  if (claim.status?.phase === 'Lost') throw new NotReady(`persistentvolumeclaim "${name}" has lost its volume "${volumeName}"`)
  if (claim.status?.phase !== 'Bound' || !volumeName) throw new NotReady(`persistentvolumeclaim "${name}" is not bound`)
  const volume = await objects.persistentVolume(volumeName)
  if (!volume) throw new NotReady(`persistentvolume "${volumeName}" not found`)
  return { claim, volume }
}

function checkBound({ claim, volume }: BoundClaim, { nodeName, nodeLabels }: ClaimDeps): void {
  const { claimRef } = volume.spec
  if (claimRef?.uid !== claim.metadata.uid)
    throw new NotReady(`persistentvolume "${volume.metadata.name}" is not bound to persistentvolumeclaim "${claim.metadata.name}"`)
  const labels = { 'kubernetes.io/hostname': nodeName, ...nodeLabels() }
  if (!servesNode(volume, { name: nodeName, labels }))
    throw new NotReady(`MountVolume.NodeAffinity check failed for volume "${volume.metadata.name}" : no matching NodeSelectorTerms`)
}

/** What a pod on this node has in use besides the one of `podDir`. */
async function checkAlone({ metadata }: PersistentVolume, podDir: string): Promise<void> {
  const users = await usersOf(metadata.name ?? '', { podsDir: dirname(podDir), but: basename(podDir) })
  if (users.length > 0) throw new NotReady('volume uses the ReadWriteOncePod access mode and is already in use by another pod')
}

/** Uids of the pods below `podsDir`, without `but`, that use the PersistentVolume of that name. Rejects when that cannot be told. */
export async function usersOf(volumeName: string, { podsDir, but }: { podsDir: string; but?: string }): Promise<string[]> {
  const users: string[] = []
  for (const uid of await namesIn(podsDir)) {
    if (uid === but) continue
    for (const file of await namesIn(join(podsDir, uid, CLAIMS))) {
      const kept = await readClaim(join(podsDir, uid), file.replace(/\.json$/, ''))
      if (kept?.volume.metadata.name === volumeName) users.push(uid)
    }
  }
  return users
}

/** Where a pod's directory says which claims it uses; removing it says that it uses none. */
export function claimsDir(podDir: string): string {
  return join(podDir, CLAIMS)
}

/** What an earlier preparation has found; undefined when there was none. Rejects when it cannot be read. */
export async function readClaim(podDir: string, volume: string): Promise<BoundClaim | undefined> {
  const path = join(podDir, CLAIMS, `${volume}.json`)
  try {
    const text = await readFile(path, 'utf8').catch(ignoreMissing)
    return text === undefined ? undefined : (JSON.parse(text) as BoundClaim)
  } catch (err) {
    throw new Error(`Cannot tell what is in use by ${path}: ${err instanceof Error ? err.message : String(err)}`, { cause: err })
  }
}

async function keepClaim(podDir: string, volume: string, { claim, volume: found }: BoundClaim): Promise<void> {
  const path = join(podDir, CLAIMS, `${volume}.json`)
  const text = JSON.stringify({ claim: withoutHistory(claim), volume: withoutHistory(found) })
  if ((await readFile(path, 'utf8').catch(() => '')) === text) return
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

function withoutHistory<T extends PersistentVolume | PersistentVolumeClaim>({ metadata, ...rest }: T) {
  const { managedFields: _, resourceVersion: __, ...kept } = metadata
  return { ...rest, metadata: kept }
}
