import { isDeepStrictEqual } from 'node:util'
import {
  type Deployment,
  deploymentKind,
  isReason,
  key as keyOf,
  type OwnerReference,
  podKind,
  type ReplicaSet,
  replicaSetKind,
  runController,
  selectorFromLabelSelector,
  WorkQueue,
} from '@davit/api'
import { type ControllerContext, controllerOf, controllerReference, settled } from '../context.ts'
import {
  type Action,
  ANNOTATIONS,
  inheritedAnnotations,
  newSetOf,
  type Observed,
  planDeployment,
  revisionOf,
  sizeAnnotations,
  specReplicas,
} from './plan.ts'
import { deploymentStatus } from './status.ts'
import { HASH_LABEL, sameTemplate, templateHash } from './template-hash.ts'

/** Rolls each Deployment to its present template through ReplicaSets. Settles when the context's signal aborts. */
export async function runDeploymentController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const deployments = context.informer(deploymentKind)
  const sets = context.informer(replicaSetKind)
  const pods = context.informer(podKind)
  await Promise.all([deployments.synced, sets.synced, pods.synced])
  const queue = new WorkQueue({ clock })
  deployments.onChange(({ key }) => queue.add(key))
  sets.onChange(({ object }) => {
    const owner = controllerOf(object)[0]
    if (owner?.kind === 'Deployment') queue.add(`${object.metadata.namespace}/${owner.name}`)
    else if (!owner)
      for (const deployment of deployments.cache.byIndex('namespace', object.metadata.namespace ?? '')) queue.add(keyOf(deployment))
  })
  // Recreate waits for the last old pod to be gone, which changes no ReplicaSet.
  pods.onChange(({ type, object }) => {
    if (type !== 'deleted') return
    const set = sets.cache.get(`${object.metadata.namespace}/${controllerOf(object)[0]?.name}`)
    const owner = set && controllerOf(set)[0]
    if (owner?.kind === 'Deployment') queue.add(`${object.metadata.namespace}/${owner.name}`)
  })
  await runController(queue, key => reconcile(key, context), { log, signal, workers: 8 })
}

async function reconcile(key: string, context: ControllerContext) {
  const { client, clock, signal } = context
  const deployment = context.informer(deploymentKind).cache.get(key)
  if (!deployment) return
  const observed = observe(deployment, context)
  if (deployment.metadata.deletionTimestamp === undefined) await adoptOrphans(deployment, context)
  const actions = planDeployment(observed)
  for (const action of actions) await perform(action, deployment, context)
  const after = actions.length > 0 ? observe(deployment, context) : observed
  const newSet = newSetOf(after)
  await noteRevision(deployment, newSet, context)
  const { status, againAfterMs } = deploymentStatus({ deployment, sets: after.sets, newSet, now: clock.now() })
  if (!isDeepStrictEqual(status, deployment.status)) {
    await client
      .resource(deploymentKind)
      .patch({ name: deployment.metadata.name ?? '', namespace: deployment.metadata.namespace ?? '' }, statusPatch(deployment, status), {
        subresource: 'status',
        signal,
      })
  }
  if (actions.length > 0) return { againAfterMs: 0 }
  return againAfterMs === undefined ? undefined : { againAfterMs }
}

/** The whole status is replaced, so that counts which are 0 go. */
function statusPatch({ metadata, status: before }: Deployment, status: NonNullable<Deployment['status']>) {
  const gone = Object.keys(before ?? {}).filter(name => !(name in status))
  const body = { metadata: { uid: metadata.uid }, status: { ...Object.fromEntries(gone.map(name => [name, null])), ...status } }
  return { type: 'merge' as const, body }
}

function observe(deployment: Deployment, context: ControllerContext): Observed {
  const sets = context.informer(replicaSetKind).cache.byIndex('owner', deployment.metadata.uid ?? '')
  const pods = sets.flatMap(set => context.informer(podKind).cache.byIndex('owner', set.metadata.uid ?? ''))
  return { deployment, sets, pods }
}

async function adoptOrphans(deployment: Deployment, { client, signal, informer }: ControllerContext): Promise<void> {
  const sets = informer(replicaSetKind)
  const selector = selectorFromLabelSelector(deployment.spec?.selector)
  for (const set of sets.cache.byIndex('namespace', deployment.metadata.namespace ?? '')) {
    if (controllerOf(set).length > 0 || set.metadata.deletionTimestamp !== undefined || !selector.matches(set.metadata.labels ?? {}))
      continue
    const body = {
      metadata: { uid: set.metadata.uid, ownerReferences: [...(set.metadata.ownerReferences ?? []), ownerReference(deployment)] },
    }
    const adopted = await client.resource(replicaSetKind).patch(targetOf(set), { type: 'merge', body }, { signal })
    await sets.reached(adopted.metadata.resourceVersion ?? '', signal)
  }
}

async function perform(action: Action, deployment: Deployment, context: ControllerContext): Promise<void> {
  const { client, events, signal, clock } = context
  const informer = context.informer(replicaSetKind)
  const sets = client.resource(replicaSetKind)
  switch (action.kind) {
    case 'create-set': {
      const made = await createSet(action, deployment, context)
      if (made)
        events.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${made.metadata.name} from 0 to ${action.replicas}`)
      return
    }
    case 'scale-set': {
      const body = { metadata: { annotations: sizeAnnotations(deployment) }, spec: { replicas: action.replicas } }
      const scaled = await sets.patch(targetOf(action.set), { type: 'merge', body }, { signal })
      await informer.reached(scaled.metadata.resourceVersion ?? '', signal)
      const from = specReplicas(action.set)
      const direction = action.replicas > from ? 'up' : 'down'
      events.event(
        deployment,
        'Normal',
        'ScalingReplicaSet',
        `Scaled ${direction} replica set ${action.set.metadata.name} from ${from} to ${action.replicas}`,
      )
      return
    }
    case 'annotate-set': {
      const spec = action.minReadySeconds === undefined ? {} : { spec: { minReadySeconds: action.minReadySeconds } }
      const body = { metadata: { annotations: action.annotations }, ...spec }
      const written = await sets.patch(targetOf(action.set), { type: 'merge', body }, { signal })
      await informer.reached(written.metadata.resourceVersion ?? '', signal)
      return
    }
    case 'delete-set': {
      const { uid = '' } = action.set.metadata
      await sets.delete(targetOf(action.set), { preconditions: { uid }, propagationPolicy: 'Background', signal }).catch(error => {
        if (!isReason(error, 'NotFound')) throw error
      })
      await settled(informer, () => informer.cache.get(keyOf(action.set))?.metadata.uid !== uid, { signal, clock })
      return
    }
    default:
      action satisfies never
  }
}

/** Undefined when a set of the wanted name belongs to another template: the collision is noted, and the next try takes another name. */
async function createSet(
  { replicas, revision }: Extract<Action, { kind: 'create-set' }>,
  deployment: Deployment,
  context: ControllerContext,
): Promise<ReplicaSet | undefined> {
  const { client, signal } = context
  const template = structuredClone(deployment.spec?.template ?? {})
  const hash = templateHash(template, deployment.status?.collisionCount)
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash }
  const name = `${deployment.metadata.name}-${hash}`
  const namespace = deployment.metadata.namespace ?? ''
  const set: ReplicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace,
      labels,
      annotations: { ...inheritedAnnotations(deployment), ...sizeAnnotations(deployment), [ANNOTATIONS.revision]: String(revision) },
      ownerReferences: [ownerReference(deployment)],
    },
    spec: {
      replicas,
      ...(deployment.spec?.minReadySeconds && { minReadySeconds: deployment.spec.minReadySeconds }),
      selector: { ...deployment.spec?.selector, matchLabels: { ...deployment.spec?.selector?.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  }
  const sets = client.resource(replicaSetKind)
  try {
    const made = await sets.create(set, { signal })
    await context.informer(replicaSetKind).reached(made.metadata.resourceVersion ?? '', signal)
    return made
  } catch (error) {
    if (!isReason(error, 'AlreadyExists')) throw error
    const other = await sets.get({ name, namespace }, { signal })
    const isOurs = controllerOf(other)[0]?.uid === deployment.metadata.uid
    if (isOurs && other.spec?.template && sameTemplate(other.spec.template, template)) {
      await context.informer(replicaSetKind).reached(other.metadata.resourceVersion ?? '', signal)
      return undefined
    }
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1
    await client
      .resource(deploymentKind)
      .patch(
        { name: deployment.metadata.name ?? '', namespace },
        { type: 'merge', body: { status: { collisionCount } } },
        { subresource: 'status', signal },
      )
    throw error
  }
}

/** `kubectl rollout` reads the present revision off the Deployment itself. */
async function noteRevision(deployment: Deployment, newSet: ReplicaSet | undefined, { client, signal }: ControllerContext): Promise<void> {
  if (!newSet || deployment.metadata.deletionTimestamp !== undefined) return
  const revision = revisionOf(newSet)
  if (revision === 0 || revision === revisionOf(deployment)) return
  const body = { metadata: { annotations: { [ANNOTATIONS.revision]: String(revision) } } }
  await client
    .resource(deploymentKind)
    .patch({ name: deployment.metadata.name ?? '', namespace: deployment.metadata.namespace ?? '' }, { type: 'merge', body }, { signal })
}

function targetOf({ metadata }: ReplicaSet) {
  return { name: metadata.name ?? '', namespace: metadata.namespace ?? '' }
}

function ownerReference(owner: Deployment): OwnerReference {
  return controllerReference({ apiVersion: 'apps/v1', kind: 'Deployment' }, owner)
}
