import {
  isReason,
  key as keyOf,
  type Node,
  nodeKind,
  type PersistentVolume,
  type PersistentVolumeClaim,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  runController,
  storageClassKind,
  VOLUMES,
  WorkQueue,
} from '@davit/api'
import { isBound } from '../../volumes/index.ts'
import type { ControllerContext } from '../context.ts'
import { takesPods } from './choose-node.ts'
import { createPerformer, type Performer } from './perform.ts'
import { planClaim } from './plan-claim.ts'
import { planVolume } from './plan-volume.ts'

const WORKERS = 8

/** Brings claims and volumes together, makes volumes, and sees to what claims leave behind. Settles when the context's signal aborts. */
export async function runPersistentVolumeController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const claims = context.informer(persistentVolumeClaimKind)
  const volumes = context.informer(persistentVolumeKind)
  const classes = context.informer(storageClassKind)
  const nodes = context.informer(nodeKind)
  await Promise.all([claims.synced, volumes.synced, classes.synced, nodes.synced])
  const claimQueue = new WorkQueue({ clock })
  const volumeQueue = new WorkQueue({ clock })
  const addUnbound = () => {
    for (const claim of claims.cache.list()) if (!isBound(claim)) claimQueue.add(keyOf(claim))
  }
  claims.onChange(({ type, key, object }) => {
    claimQueue.add(key)
    if (object.spec?.volumeName) volumeQueue.add(object.spec.volumeName)
    // Volumes that were made for it and never became its own.
    else if (type === 'deleted') for (const volume of volumes.cache.list()) if (claimKeyOf(volume) === key) volumeQueue.add(keyOf(volume))
  })
  volumes.onChange(({ type, key, object, old }) => {
    volumeQueue.add(key)
    for (const volume of old ? [old, object] : [object]) {
      const claimKey = claimKeyOf(volume)
      if (claimKey) claimQueue.add(claimKey)
      else if (type !== 'deleted') addUnbound()
    }
  })
  classes.onChange(({ type, object }) => {
    if (type !== 'deleted') addUnbound()
    // A class that now lets claims grow.
    if (object.allowVolumeExpansion) for (const claim of claims.cache.list()) claimQueue.add(keyOf(claim))
  })
  nodes.onChange(({ type, object, old }) => {
    if (type === 'updated' && old && !mayHelp(object, old)) return
    addUnbound()
    for (const volume of volumes.cache.list()) if (volume.status?.phase === 'Released') volumeQueue.add(keyOf(volume))
  })
  const performer = createPerformer(context, key => claimQueue.add(key))
  await Promise.all([
    runController(claimQueue, key => reconcileClaim(key, context, performer), { log, signal, workers: WORKERS }),
    runController(volumeQueue, key => reconcileVolume(key, context, performer), { log, signal, workers: WORKERS }),
  ])
}

function claimKeyOf({ spec }: PersistentVolume): string | undefined {
  return spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : undefined
}

/** Heartbeats change nothing for volumes. */
function mayHelp(node: Node, old: Node): boolean {
  const directory = ({ metadata }: Node) => metadata.annotations?.[VOLUMES.directoryAnnotation]
  return takesPods(node) !== takesPods(old) || directory(node) !== directory(old)
}

async function reconcileClaim(key: string, context: ControllerContext, performer: Performer): Promise<void> {
  const claim = context.informer(persistentVolumeClaimKind).cache.get(key)
  if (!claim) return performer.forget(key)
  const volumes = byName(context.informer(persistentVolumeKind).cache.list())
  const { volumeName } = claim.spec
  if (volumeName && !volumes.has(volumeName)) {
    // The cache of volumes may be behind that of claims: that one is lost must be certain.
    const volume = await fresh(() => context.client.resource(persistentVolumeKind).get({ name: volumeName }, { signal: context.signal }))
    if (volume) volumes.set(volumeName, volume)
  }
  const classes = byName(context.informer(storageClassKind).cache.list())
  const nodes = byName(context.informer(nodeKind).cache.list())
  await performer.perform(key, planClaim({ claim, volumes, classes, nodes }))
}

async function reconcileVolume(name: string, context: ControllerContext, performer: Performer): Promise<void> {
  const volume = context.informer(persistentVolumeKind).cache.get(name)
  if (!volume) return performer.forget(name)
  const nodes = byName(context.informer(nodeKind).cache.list())
  const claim = await claimOf(volume, context)
  await performer.perform(name, planVolume({ volume, claim, nodes, now: context.clock.now() }))
}

/** The claim of the volume's `claimRef`. Data is removed when there is none, so that is asked of etcd and not of a cache. */
async function claimOf({ spec }: PersistentVolume, context: ControllerContext): Promise<PersistentVolumeClaim | undefined> {
  const { namespace = '', name = '', uid } = spec.claimRef ?? {}
  if (!name) return undefined
  const cached = context.informer(persistentVolumeClaimKind).cache.get(`${namespace}/${name}`)
  if (cached && (!uid || cached.metadata.uid === uid)) return cached
  return fresh(() => context.client.resource(persistentVolumeClaimKind).get({ namespace, name }, { signal: context.signal }))
}

async function fresh<T>(get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get()
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined
    throw error
  }
}

function byName<T extends { metadata: { name?: string } }>(objects: Iterable<T>): Map<string, T> {
  return new Map([...objects].map(object => [object.metadata.name ?? '', object]))
}
