import { isDeepStrictEqual } from 'node:util'
import {
  ApiError,
  apiVersionOf,
  type Informer,
  isPodActive,
  isReason,
  type Kind,
  key as keyOf,
  type OwnerReference,
  type Pod,
  podCondition,
  podKind,
  runController,
  WorkQueue,
} from '@davit/api'
import { type ControllerContext, controllerOf, controllerReference, settled } from '../context.ts'
import { spaced } from '../spaced.ts'
import { type Action, type Observed, planReplicaSet } from './plan.ts'
import type { PodSet, PodSetKind } from './pod-sets.ts'

/** How often a set whose pods change only in what they report is counted anew: each count is a write, and another of the Deployment. */
const INTERVAL_MS = 500

/** What one of the two controllers works with. */
interface Parts extends PodSetKind {
  readonly context: ControllerContext
  readonly sets: Informer<PodSet>
  readonly pods: Informer<Pod>
}

/** Keeps as many pods as each set of the kind asks for. Settles when the context's signal aborts. */
export async function runReplicaSetController(context: ControllerContext, { kind, selectorOf }: PodSetKind): Promise<void> {
  const { clock, log, signal } = context
  const sets = context.informer(kind)
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
      const ownerKey = owner?.kind === kind.kind && `${pod.metadata.namespace}/${owner.name}`
      if (ownerKey) isReport ? count(ownerKey) : queue.add(ownerKey)
      else if (!owner && pod.metadata.labels) {
        for (const set of sets.cache.byIndex('namespace', pod.metadata.namespace ?? ''))
          if (selectorOf(set).matches(pod.metadata.labels)) queue.add(keyOf(set))
      }
    }
  })
  const parts = { kind, selectorOf, context, sets, pods }
  await runController(queue, key => reconcile(key, parts), { log, signal, workers: 8 })
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

async function reconcile(key: string, parts: Parts) {
  const set = parts.sets.cache.get(key)
  if (!set) return
  const actions = planReplicaSet(observe(set, parts))
  try {
    await perform(actions, set, parts)
  } catch (error) {
    const doing = attempted(actions)
    if (!doing || !(error instanceof ApiError) || error.reason === 'Conflict') throw error
    // The set goes with its namespace.
    if (error.status.details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating')) return
    // A pod that may not be made is the user's to know of: it stands in the status, and the attempt is repeated.
    parts.context.events.event(set, 'Warning', doing.reason, `Error ${doing.verb}: ${error.message}`)
    const failure = { reason: doing.reason, message: error.message }
    await writeStatus(planReplicaSet({ ...observe(set, parts), failure }), set, parts)
    throw error
  }
  if (actions.some(action => action.kind !== 'write-status' && action.kind !== 'look-again')) return { againAfterMs: 0 }
  await writeStatus(actions, set, parts)
  const later = actions.find(action => action.kind === 'look-again')
  return later && { againAfterMs: later.afterMs }
}

/** No plan both makes pods and deletes some. */
function attempted(actions: readonly Action[]): { reason: NonNullable<Observed['failure']>['reason']; verb: string } | undefined {
  const does = (kind: Action['kind']) => actions.some(action => action.kind === kind)
  if (does('create-pods')) return { reason: 'FailedCreate', verb: 'creating' }
  return does('delete-pod') ? { reason: 'FailedDelete', verb: 'deleting' } : undefined
}

function observe(set: PodSet, { selectorOf, context, pods }: Parts): Observed {
  const selector = selectorOf(set)
  const selects = (pod: Pod) => selector.matches(pod.metadata.labels ?? {})
  const owned = pods.cache.byIndex('owner', set.metadata.uid ?? '')
  const orphans = pods.cache
    .byIndex('namespace', set.metadata.namespace ?? '')
    .filter(pod => controllerOf(pod).length === 0 && pod.metadata.deletionTimestamp === undefined && selects(pod))
  const podsPerNode = new Map<string, number>()
  for (const pod of owned) {
    const node = pod.spec?.nodeName
    if (node) podsPerNode.set(node, (podsPerNode.get(node) ?? 0) + 1)
  }
  const strays = owned.filter(pod => !selects(pod))
  return { set, pods: owned.filter(selects), strays, orphans, podsPerNode, now: context.clock.now() }
}

async function perform(actions: readonly Action[], set: PodSet, parts: Parts): Promise<void> {
  const { pods, context } = parts
  const { signal, clock } = context
  const deletions: Promise<unknown>[] = []
  for (const action of actions) {
    switch (action.kind) {
      case 'adopt-pod':
        await adopt(action.pod, set, parts)
        break
      case 'release-pod':
        await release(action.pod, set, parts)
        break
      case 'create-pods':
        await createPods(action.count, set, parts)
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
async function createPods(count: number, set: PodSet, { kind, context, pods }: Parts): Promise<void> {
  const { client, events, signal } = context
  let batch = Math.min(4, count)
  for (let left = count; left > 0; batch *= 4) {
    const size = Math.min(batch, left)
    const made = await Promise.allSettled(Array.from({ length: size }, () => client.resource(podKind).create(podOf(set, kind), { signal })))
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
function podOf(set: PodSet, kind: Kind<PodSet>): Pod {
  const { metadata, spec = { containers: [] } } = structuredClone(set.spec.template) ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${set.metadata.name}-`,
      namespace: set.metadata.namespace ?? '',
      ...(metadata?.labels && { labels: metadata.labels }),
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.finalizers && { finalizers: metadata.finalizers }),
      ownerReferences: [ownerReference(set, kind)],
    },
    spec,
  }
}

function ownerReference(owner: PodSet, kind: Kind<PodSet>): OwnerReference {
  return controllerReference({ apiVersion: apiVersionOf(kind), kind: kind.kind }, owner)
}

async function deletePod(pod: Pod, set: PodSet, { client, events, signal }: ControllerContext): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  try {
    await client.resource(podKind).delete({ name, namespace }, { preconditions: { uid }, signal })
    events.event(set, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`)
  } catch (error) {
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
  }
}

async function adopt(pod: Pod, set: PodSet, { kind, context: { client, signal }, pods }: Parts): Promise<void> {
  const { name = '', namespace = '', uid = '', ownerReferences = [] } = pod.metadata
  const body = { metadata: { uid, ownerReferences: [...ownerReferences, ownerReference(set, kind)] } }
  const adopted = await client.resource(podKind).patch({ name, namespace }, { type: 'strategic', body }, { signal })
  await pods.reached(adopted.metadata.resourceVersion ?? '', signal)
}

/** Its labels say that it is not the set's any more: it lives on by itself, or with another set. */
async function release(pod: Pod, set: PodSet, { context: { client, signal }, pods }: Parts): Promise<void> {
  const { name = '', namespace = '', uid = '' } = pod.metadata
  const body = { metadata: { uid, ownerReferences: [{ $patch: 'delete', uid: set.metadata.uid }] } }
  try {
    const released = await client.resource(podKind).patch({ name, namespace }, { type: 'strategic', body }, { signal })
    await pods.reached(released.metadata.resourceVersion ?? '', signal)
  } catch (error) {
    if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
  }
}

async function writeStatus(actions: readonly Action[], set: PodSet, { kind, context: { client, signal } }: Parts): Promise<void> {
  const write = actions.find(action => action.kind === 'write-status')
  if (!write) return
  await client.resource(kind).update({ ...set, status: write.status }, { subresource: 'status', signal })
}
