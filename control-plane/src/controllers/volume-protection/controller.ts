import {
  isPodFinished,
  isReason,
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
import { finalizersWithout, isClaimInUse, isVolumeInUse } from './plan.ts'

/** Lets claims and volumes that were deleted go once nothing uses them. Settles when the context's signal aborts. */
export async function runVolumeProtection(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const claims = context.informer(persistentVolumeClaimKind)
  const volumes = context.informer(persistentVolumeKind)
  const pods = context.informer(podKind)
  await Promise.all([claims.synced, volumes.synced, pods.synced])
  const claimQueue = new WorkQueue({ clock })
  const volumeQueue = new WorkQueue({ clock })
  claims.onChange(({ type, key, object }) => {
    if (object.metadata.deletionTimestamp !== undefined) claimQueue.add(key)
    if (type === 'deleted' && object.spec?.volumeName) volumeQueue.add(object.spec.volumeName)
  })
  volumes.onChange(({ key, object }) => object.metadata.deletionTimestamp !== undefined && volumeQueue.add(key))
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
  const claim = name
    ? await client
        .resource(persistentVolumeClaimKind)
        .get({ namespace, name }, { signal })
        .catch(error => {
          if (isReason(error, 'NotFound')) return undefined
          throw error
        })
    : undefined
  if (isVolumeInUse(volume, claim)) return
  const metadata = { ...volume.metadata, finalizers }
  await unlessGone(client.resource(persistentVolumeKind).update({ ...volume, metadata } satisfies PersistentVolume, { signal }))
}

async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write
  } catch (error) {
    if (!isReason(error, 'NotFound')) throw error
  }
}
