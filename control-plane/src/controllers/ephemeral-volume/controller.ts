import { isReason, persistentVolumeClaimKind, podKind, runController, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { planEphemeralClaims } from './plan.ts'

/** Makes the claims of pods' ephemeral volumes; the garbage collector removes them with their pods. */
export async function runEphemeralVolumeController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const pods = context.informer(podKind)
  const claims = context.informer(persistentVolumeClaimKind)
  await Promise.all([pods.synced, claims.synced])
  const queue = new WorkQueue({ clock })
  pods.onChange(({ key, object }) => object.spec?.volumes?.some(volume => volume.ephemeral) && queue.add(key))
  claims.onChange(({ type, object }) => {
    if (type !== 'deleted') return
    for (const { kind, name } of object.metadata.ownerReferences ?? [])
      if (kind === 'Pod') queue.add(`${object.metadata.namespace}/${name}`)
  })
  await runController(queue, key => reconcile(key, context), { log, signal, workers: 4 })
}

async function reconcile(key: string, { client, events, informer, signal }: ControllerContext): Promise<void> {
  const pod = informer(podKind).cache.get(key)
  if (!pod) return
  const claims = informer(persistentVolumeClaimKind)
  const { create, conflicts } = planEphemeralClaims(pod, name => claims.cache.get(`${pod.metadata.namespace}/${name}`))
  for (const name of conflicts) {
    const message = `PVC ${pod.metadata.namespace}/${name} was not created for pod ${key} (pod is not owner)`
    events.event(pod, 'Warning', 'FailedBinding', `ephemeral volume: ${message}`)
  }
  for (const claim of create) {
    try {
      const made = await client.resource(persistentVolumeClaimKind).create(claim, { signal })
      await claims.reached(made.metadata.resourceVersion ?? '', signal)
    } catch (error) {
      // The cache was behind: the claim's own event brings this key back when it matters.
      if (isReason(error, 'AlreadyExists') || isReason(error, 'NotFound')) continue
      events.event(pod, 'Warning', 'FailedCreate', `ephemeral volume: create PVC ${claim.metadata.name}: ${(error as Error).message}`)
      throw error
    }
  }
}
