import { isDeepStrictEqual } from 'node:util'
import {
  ApiError,
  type Informer,
  isPodActive,
  isReason,
  key as keyOf,
  type OwnerReference,
  type Pod,
  podCondition,
  podKind,
  type ReplicaSet,
  replicaSetKind,
  runController,
  selectorFromLabelSelector,
  WorkQueue,
} from '@davit/api'
import { type ControllerContext, controllerOf, controllerReference, settled } from '../context.ts'
import { spaced } from '../spaced.ts'
import { type Action, type Observed, planReplicaSet } from './plan.ts'

/** How often a set whose pods change only in what they report is counted anew: each count is a write, and another of the Deployment. */
const INTERVAL_MS = 500

/** Keeps as many pods as each ReplicaSet asks for. Settles when the context's signal aborts. */
export async function runReplicaSetController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const sets = context.informer(replicaSetKind)
  const pods = context.informer(podKind)
  await Promise.all([sets.synced, pods.synced])
  const queue = new WorkQueue({ clock })
  sets.onChange(({ key }) => queue.add(key))
  const count = spaced(queue, { clock, intervalMs: INTERVAL_MS })
  pods.onChange(({ type, object, old }) => {
    const isReport = type === 'updated' && isPodActive(object)
    if (isReport && old && countsAsBefore(object, old)) return
    for (const pod of old ? [old, object] : [object]) {
      const owner = controllerOf(pod)[0]
      const ownerKey = owner?.kind === 'ReplicaSet' && `${pod.metadata.namespace}/${owner.name}`
      if (ownerKey) isReport ? count(ownerKey) : queue.add(ownerKey)
      else if (!owner && pod.metadata.labels)
        for (const set of sets.cache.byIndex('namespace', pod.metadata.namespace ?? '')) if (selects(set, pod)) queue.add(keyOf(set))
    }
  })
  await runController(queue, key => reconcile(key, context, sets, pods), { log, signal, workers: 8 })
}

/** True when nothing differs that decides whose pod it is, or how it is counted. */
function countsAsBefore(pod: Pod, before: Pod): boolean {
  const { labels, ownerReferences } = pod.metadata
  return (
    isPodActive(before) &&
    isDeepStrictEqual(podCondition(pod, 'Ready'), podCondition(before, 'Ready')) &&
    isDeepStrictEqual([labels, ownerReferences], [before.metadata.labels, before.metadata.ownerReferences])
  )
}

function selects(set: ReplicaSet, pod: Pod): boolean {
  return selectorFromLabelSelector(set.spec?.selector).matches(pod.metadata.labels ?? {})
}

async function reconcile(key: string, context: ControllerContext, sets: Informer<ReplicaSet>, pods: Informer<Pod>) {
  const set = sets.cache.get(key)
  if (!set) return
  const observed = observe(set, context, pods)
  const actions = planReplicaSet(observed)
  let failure: Observed['failure']
  try {
    await perform(actions, set, context, pods)
  } catch (error) {
    // A pod that may not be made is the user's to know of: it stands in the status, and the attempt is repeated.
    if (!(error instanceof ApiError) || error.reason === 'Conflict') throw error
    failure = { reason: 'FailedCreate', message: error.message }
    context.events.event(set, 'Warning', 'FailedCreate', `Error creating: ${error.message}`)
    await writeStatus(planReplicaSet({ ...observe(set, context, pods), failure }), set, context)
    throw error
  }
  if (actions.some(action => action.kind === 'create-pods' || action.kind === 'delete-pod' || action.kind === 'adopt-pod'))
    return { againAfterMs: 0 }
  await writeStatus(actions, set, context)
  const later = actions.find(action => action.kind === 'look-again')
  return later && { againAfterMs: later.afterMs }
}

function observe(set: ReplicaSet, { clock }: ControllerContext, pods: Informer<Pod>): Observed {
  const owned = pods.cache.byIndex('owner', set.metadata.uid ?? '')
  const orphans = pods.cache
    .byIndex('namespace', set.metadata.namespace ?? '')
    .filter(pod => controllerOf(pod).length === 0 && pod.metadata.deletionTimestamp === undefined && selects(set, pod))
  const podsPerNode = new Map<string, number>()
  for (const pod of owned) {
    const node = pod.spec?.nodeName
    if (node) podsPerNode.set(node, (podsPerNode.get(node) ?? 0) + 1)
  }
  return { set, pods: owned, orphans, podsPerNode, now: clock.now() }
}

async function perform(actions: readonly Action[], set: ReplicaSet, context: ControllerContext, pods: Informer<Pod>): Promise<void> {
  const { signal, clock } = context
  const deletions: Promise<unknown>[] = []
  for (const action of actions) {
    switch (action.kind) {
      case 'adopt-pod':
        await adopt(action.pod, set, context, pods)
        break
      case 'create-pods':
        await createPods(action.count, set, context, pods)
        break
      case 'delete-pod':
        deletions.push(deletePod(action.pod, set, context))
        break
    }
  }
  await Promise.all(deletions)
  const leaving = actions.flatMap(action => (action.kind === 'delete-pod' ? [action.pod] : []))
  const isSeen = (pod: Pod) => {
    const cached = pods.cache.get(keyOf(pod))
    return cached?.metadata.uid !== pod.metadata.uid || cached?.metadata.deletionTimestamp !== undefined
  }
  if (leaving.length > 0) await settled(pods, () => leaving.every(isSeen), { signal, clock })
}

/** Creates in growing steps, so that a set whose pods are all refused costs a few requests and not hundreds. */
async function createPods(count: number, set: ReplicaSet, context: ControllerContext, pods: Informer<Pod>): Promise<void> {
  const { client, events, signal } = context
  let batch = Math.min(4, count)
  for (let left = count; left > 0; batch *= 4) {
    const size = Math.min(batch, left)
    const made = await Promise.allSettled(Array.from({ length: size }, () => client.resource(podKind).create(podOf(set), { signal })))
    for (const result of made) {
      if (result.status === 'rejected') continue
      events.event(set, 'Normal', 'SuccessfulCreate', `Created pod: ${result.value.metadata.name}`)
      await pods.reached(result.value.metadata.resourceVersion ?? '', signal)
    }
    const failed = made.find(result => result.status === 'rejected')
    if (failed) throw failed.reason
    left -= size
  }
}

/** The pod a set makes: its template, owned by the set. */
function podOf(set: ReplicaSet): Pod {
  const { metadata, spec } = structuredClone(set.spec?.template) ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      ...(metadata?.labels && { labels: metadata.labels }),
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.finalizers && { finalizers: metadata.finalizers }),
      ownerReferences: [ownerReference(set)],
    },
    ...(spec && { spec }),
  }
}

function ownerReference(owner: ReplicaSet): OwnerReference {
  return controllerReference({ apiVersion: 'apps/v1', kind: 'ReplicaSet' }, owner)
}

async function deletePod(pod: Pod, set: ReplicaSet, { client, events, signal }: ControllerContext): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  try {
    await client.resource(podKind).delete({ name, namespace }, { preconditions: { uid }, signal })
    events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
  }
}

async function adopt(pod: Pod, set: ReplicaSet, { client, signal }: ControllerContext, pods: Informer<Pod>): Promise<void> {
  const { name = '', namespace = '', uid = '', ownerReferences = [] } = pod.metadata
  const body = { metadata: { uid, ownerReferences: [...ownerReferences, ownerReference(set)] } }
  const adopted = await client.resource(podKind).patch({ name, namespace }, { type: 'strategic', body }, { signal })
  await pods.reached(adopted.metadata.resourceVersion ?? '', signal)
}

async function writeStatus(actions: readonly Action[], set: ReplicaSet, { client, signal }: ControllerContext): Promise<void> {
  const write = actions.find(action => action.kind === 'write-status')
  if (!write) return
  await client.resource(replicaSetKind).update({ ...set, status: write.status }, { subresource: 'status', signal })
}
