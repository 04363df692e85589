/** Keeps each PodDisruptionBudget's count of the pods that may be evicted. */
import { isDeepStrictEqual } from 'node:util'
import {
  apiVersionOf,
  deploymentKind,
  isReason,
  type Kind,
  type KubernetesObject,
  key as keyOf,
  type Pod,
  type PodDisruptionBudget,
  podDisruptionBudgetKind,
  podKind,
  replicaSetKind,
  replicationControllerKind,
  runController,
  selectorFromLabelSelector,
  statefulSetKind,
  WorkQueue,
} from '@davit/api'
import { type ControllerContext, controllerOf } from '../context.ts'
import { planDisruption, type Scale } from './plan.ts'

interface Workload extends KubernetesObject {
  spec?: { replicas?: number }
}

/** Who makes pods and says how many, by kind. */
const WORKLOADS = [replicationControllerKind, deploymentKind, replicaSetKind, statefulSetKind] as unknown as readonly Kind<Workload>[]

/** Settles when the context's signal aborts. */
export async function runDisruptionController(context: ControllerContext): Promise<void> {
  const { clock, log, signal, informer } = context
  const budgets = informer(podDisruptionBudgetKind)
  const pods = informer(podKind)
  const workloads = WORKLOADS.map(informer)
  await Promise.all([budgets, pods, ...workloads].map(({ synced }) => synced))
  const queue = new WorkQueue({ clock })
  const addAll = (namespace: string | undefined) => {
    for (const budget of budgets.cache.byIndex('namespace', namespace ?? '')) queue.add(keyOf(budget))
  }
  budgets.onChange(({ key }) => queue.add(key))
  pods.onChange(({ object, old }) => {
    for (const budget of budgets.cache.byIndex('namespace', object.metadata.namespace ?? '')) {
      if (chooses(budget, object) || (old && chooses(budget, old))) queue.add(keyOf(budget))
    }
  })
  for (const workload of workloads) {
    workload.onChange(({ object, old }) => {
      if (object.spec?.replicas !== old?.spec?.replicas) addAll(object.metadata.namespace)
    })
  }
  await runController(queue, key => reconcile(key, context), { log, signal })
}

/** One without a selector is about no pods. */
function chooses({ spec }: PodDisruptionBudget, pod: Pod): boolean {
  return spec.selector !== undefined && selectorFromLabelSelector(spec.selector).matches(pod.metadata.labels ?? {})
}

async function reconcile(key: string, context: ControllerContext): Promise<{ againAfterMs: number } | undefined> {
  const { client, clock, events, informer, signal } = context
  const budgets = informer(podDisruptionBudgetKind)
  const budget = budgets.cache.get(key)
  if (!budget || budget.metadata.deletionTimestamp) return undefined
  const pods = informer(podKind)
    .cache.byIndex('namespace', budget.metadata.namespace ?? '')
    .filter(pod => chooses(budget, pod))
  if (pods.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found')
  const outcome = planDisruption({ budget, pods, scaleOf: pod => scaleOf(pod, context), now: clock.now() })
  if (outcome.failure !== undefined) {
    events.event(
      budget,
      'Warning',
      'CalculateExpectedPodCountFailed',
      `Failed to calculate the number of expected pods: ${outcome.failure}`,
    )
  }
  for (const pod of outcome.overdue) {
    const { namespace, name } = budget.metadata
    events.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${namespace}/${name} to be deleted but it wasn't`)
  }
  if (!isDeepStrictEqual(outcome.status, budget.status)) {
    try {
      const written = await client
        .resource(podDisruptionBudgetKind)
        .update({ ...budget, status: outcome.status }, { subresource: 'status', signal })
      await budgets.reached(written.metadata.resourceVersion ?? '', signal)
    } catch (error) {
      // An eviction was counted meanwhile: that change brings it back here.
      if (!isReason(error, 'NotFound') && !isReason(error, 'Conflict')) throw error
    }
  }
  return outcome.againAfterMs === undefined ? undefined : { againAfterMs: outcome.againAfterMs }
}

/** The workload that says how many pods such as this one there are to be: of a Deployment's set the Deployment. */
function scaleOf(pod: Pod, context: ControllerContext): Scale | undefined {
  const owner = ownerOf(pod, context)
  if (!owner) return undefined
  const above = owner.kind === 'ReplicaSet' ? ownerOf(owner, context) : undefined
  const { metadata, spec } = above ?? owner
  return { uid: metadata.uid ?? '', replicas: spec?.replicas ?? 1 }
}

function ownerOf(object: KubernetesObject, { informer }: ControllerContext): Workload | undefined {
  const [reference] = controllerOf(object)
  const kind = WORKLOADS.find(each => each.kind === reference?.kind && apiVersionOf(each) === reference.apiVersion)
  if (!reference || !kind) return undefined
  const owner = informer(kind).cache.get(`${object.metadata.namespace}/${reference.name}`)
  return owner?.metadata.uid === reference.uid ? owner : undefined
}
