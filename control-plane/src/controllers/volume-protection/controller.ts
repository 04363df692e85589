import {
  isPodFinished,
  isReason,
  key as keyOf,
  nodeKind,
  type PersistentVolume,
  type PersistentVolumeClaim,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  podKind,
  runController,
  WorkQueue,
} from '@davit/api'
import { claimsOf, FINALIZERS } from '../../volumes/index.ts'
import type { ControllerContext } from '../context.ts'
import { cleanerOf, finalizersWithout, isClaimInUse, isToBeCleaned, isVolumeInUse } from './plan.ts'

/** Lets claims and volumes that were deleted go once nothing uses them. Settles when the context's signal aborts. */
export async function runVolumeProtection(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const claims = context.informer(persistentVolumeClaimKind)
  const volumes = context.informer(persistentVolumeKind)
  const pods = context.informer(podKind)
  const nodes = context.informer(nodeKind)
  await Promise.all([claims, volumes, pods, nodes].map(({ synced }) => synced))
  const claimQueue = new WorkQueue({ clock })
  const volumeQueue = new WorkQueue({ clock })
  claims.onChange(({ type, key, object }) => {
    if (object.metadata.deletionTimestamp !== undefined) claimQueue.add(key)
    if (type === 'deleted' && object.spec?.volumeName) volumeQueue.add(object.spec.volumeName)
  })
  volumes.onChange(({ key, object }) => object.metadata.deletionTimestamp !== undefined && volumeQueue.add(key))
  nodes.onChange(({ type, key }) => {
    if (type !== 'deleted') return
    for (const volume of volumes.cache.list()) if (cleanerOf(volume) === key) volumeQueue.add(keyOf(volume))
  })
  pods.onChange(({ type, object }) => {
    if (type !== 'deleted' && !isPodFinished(object)) return
    for (const { name } of claimsOf(object)) claimQueue.add(`${object.metadata.namespace}/${name}`)
  })
  await Promise.all([
    runController(claimQueue, key => releaseClaim(key, context), { log, signal }),
    runController(volumeQueue, key => releaseVolume(key, context), { log, signal }),
  ])
}

async function releaseClaim(key: string, context: ControllerContext): Promise<void> {
  const { client, informer, signal } = context
  const claim = informer(persistentVolumeClaimKind).cache.get(key)
  const finalizers = claim && finalizersWithout(claim, FINALIZERS.claim)
  if (!finalizers) return
  const { namespace = '' } = claim.metadata
  if (isClaimInUse(claim, informer(podKind).cache.byIndex('namespace', namespace))) return
  // A pod that got its node a moment ago may not be in the cache.
  const { items } = await client.resource(podKind).list({ namespace, signal })
  if (isClaimInUse(claim, items)) return
  const metadata = { ...claim.metadata, finalizers }
  await unlessGone(client.resource(persistentVolumeClaimKind).update({ ...claim, metadata } satisfies PersistentVolumeClaim, { signal }))
}

async function releaseVolume(key: string, context: ControllerContext): Promise<void> {
  const { client, informer, signal } = context
  const volume = informer(persistentVolumeKind).cache.get(key)
  const finalizers = volume && finalizersWithout(volume, FINALIZERS.volume)
  if (!finalizers) return
  const { namespace = '', name = '' } = volume.spec.claimRef ?? {}
  const claim = name ? await find(client.resource(persistentVolumeClaimKind).get({ namespace, name }, { signal })) : undefined
  if (isVolumeInUse(volume, claim)) return
  if (isToBeCleaned(volume)) {
    const cleaner = cleanerOf(volume)
    // What is on a node that is gone nobody can remove any more.
    if (cleaner === undefined || (await find(client.resource(nodeKind).get({ name: cleaner }, { signal })))) return
  }
  const metadata = { ...volume.metadata, finalizers }
  await unlessGone(client.resource(persistentVolumeKind).update({ ...volume, metadata } satisfies PersistentVolume, { signal }))
}

async function find<T>(get: Promise<T>): Promise<T | undefined> {
  try {
    return await get
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}

async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}
