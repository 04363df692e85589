/** What becomes of objects whose owner is deleted. */
import assert from 'node:assert/strict'
import {
  type DeleteOptions,
  type Deployment,
  deploymentKind,
  type Kind,
  type KubernetesObject,
  type OwnerReference,
  type Pod,
  podKind,
  replicaSetKind,
} from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import { kindLife } from './kind-life.ts'

const CONTAINERS = { containers: [{ name: 'main', image: 'busybox:1.36' }] }
const LABELS = { app: 'garbage' }
const HOLD = 'example.com/hold'

function deploymentOf({ namespace }: ApiContext): Deployment {
  const template = { metadata: { labels: LABELS }, spec: CONTAINERS }
  const spec = { replicas: 2, selector: { matchLabels: LABELS }, template }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace }, spec } as Deployment
}

function ownedBy({ apiVersion, kind, metadata }: KubernetesObject, controller = true): OwnerReference {
  const { name = '', uid = '' } = metadata
  return { apiVersion, kind, name, uid, blockOwnerDeletion: true, ...(controller && { controller }) } as OwnerReference
}

/** Each selects by its own name, and keeps two pods unless the name says that it is to stay without. */
const controllersOf = (context: ApiContext) =>
  kindLife(context, '/ReplicationController', name => {
    const labels = { owner: name }
    return { spec: { replicas: name === 'empty' ? 0 : 2, selector: labels, template: { metadata: { labels }, spec: CONTAINERS } } }
  })

/** A ReplicationController that has its pods. */
async function makeController(context: ApiContext, name = 'owner') {
  const life = controllersOf(context)
  const { metadata } = await life.make(name)
  const isOwned = (pod: Pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid) ?? false
  const pods = await until(context, podKind, `two pods of ${name}`, all => all.filter(isOwned).length === 2)
  return { life, pods: pods.filter(isOwned).map(pod => pod.metadata.name ?? '') }
}

const patchPod = (context: ApiContext, name: string, metadata: object) =>
  context.resource(podKind).patch({ namespace: context.namespace, name }, { type: 'strategic', body: { metadata } })

function makePod(context: ApiContext, name: string, ownerReferences: OwnerReference[]): Promise<Pod> {
  const metadata = { name, namespace: context.namespace, labels: LABELS, ownerReferences }
  return context.resource(podKind).create({ apiVersion: 'v1', kind: 'Pod', metadata, spec: CONTAINERS })
}

/** Waits until the case's objects of the kind are as wanted. */
function until<T extends KubernetesObject>(context: ApiContext, kind: Kind<T>, what: string, is: (own: T[]) => boolean): Promise<T[]> {
  return context.cluster.until(kind, `${what} in ${context.namespace}`, all => {
    const own = all.filter(({ metadata }) => metadata.namespace === context.namespace)
    return is(own) && own
  })
}

const untilPods = (context: ApiContext, names: string[]) =>
  until(
    context,
    podKind,
    `pods ${names}`,
    pods =>
      pods
        .map(({ metadata }) => metadata.name)
        .toSorted()
        .join() === names.join(),
  )

/** A Deployment whose two pods are there is deleted. */
async function deleteDeployment(context: ApiContext, propagationPolicy: NonNullable<DeleteOptions['propagationPolicy']>) {
  const { metadata } = await context.resource(deploymentKind).create(deploymentOf(context))
  const [replicaSet] = await until(context, replicaSetKind, 'a ReplicaSet', own => own.length === 1)
  await until(context, podKind, 'two pods', pods => pods.length === 2)
  assert.equal(replicaSet?.metadata.ownerReferences?.[0]?.uid, metadata.uid)
  await context.resource(deploymentKind).delete({ namespace: context.namespace, name: 'web' }, { propagationPolicy })
  await until(context, deploymentKind, 'no Deployment', own => own.length === 0)
}

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'Background delete of a Deployment removes its ReplicaSet and pods',
    run: async context => {
      await deleteDeployment(context, 'Background')
      await until(context, replicaSetKind, 'no ReplicaSet', own => own.length === 0)
      await untilPods(context, [])
    },
  },
  {
    row: 'Orphan delete of a Deployment leaves its ReplicaSet behind',
    run: async context => {
      await deleteDeployment(context, 'Orphan')
      const [left] = await context
        .resource(replicaSetKind)
        .list({ namespace: context.namespace })
        .then(({ items }) => items)
      assert.deepEqual([left?.metadata.ownerReferences ?? [], left?.metadata.deletionTimestamp], [[], undefined])
      const pods = await untilPodsOwnedBy(context, left as KubernetesObject)
      assert.equal(pods.length, 2)
    },
  },
  {
    row: 'Background delete of an RC removes its pods',
    run: async context => {
      const { life } = await makeController(context)
      await makePod(context, 'free', [])
      await life.resource.delete(life.target('owner'), { propagationPolicy: 'Background' })
      await untilPods(context, ['free'])
    },
  },
  {
    row: 'Orphan delete of an RC leaves its pods behind',
    run: async context => {
      const { life, pods } = await makeController(context)
      await life.resource.delete(life.target('owner'), { propagationPolicy: 'Orphan' })
      // It goes when the last of its pods is free.
      await context.eventually('the end of the owner', async () => (await life.names()).length === 0)
      const { items } = await context.resource(podKind).list({ namespace: context.namespace })
      assert.deepEqual(items.map(({ metadata }) => metadata.name).toSorted(), pods.toSorted())
      for (const { metadata } of items) assert.deepEqual([metadata.ownerReferences ?? [], metadata.deletionTimestamp], [[], undefined])
    },
  },
  {
    row: 'Foreground delete keeps the RC until every pod it owns is gone',
    run: async context => {
      const { life, pods } = await makeController(context)
      const [held = ''] = pods
      await patchPod(context, held, { finalizers: [HOLD] })
      await life.resource.delete(life.target('owner'), { propagationPolicy: 'Foreground' })
      await untilPods(context, [held])
      const { metadata } = await life.resource.get(life.target('owner'))
      assert.ok(metadata.deletionTimestamp)
      assert.deepEqual(metadata.finalizers, ['foregroundDeletion'])
      const target = { namespace: context.namespace, name: held }
      await context.resource(podKind).patch(target, { type: 'merge', body: { metadata: { finalizers: null } } })
      await untilPods(context, [])
      await context.eventually('the end of the owner', async () => (await life.names()).length === 0)
    },
  },
  {
    row: 'Pods with a second live owner survive foreground deletion of the first owner',
    run: async context => {
      const { life, pods } = await makeController(context, 'going')
      const [shared = ''] = pods
      await patchPod(context, shared, { ownerReferences: [ownedBy(await life.make('empty'), false)] })
      await life.resource.delete(life.target('going'), { propagationPolicy: 'Foreground' })
      await context.eventually('the end of the owner', async () => (await life.names()).join() === 'empty')
      for (const { metadata } of await untilPods(context, [shared])) {
        assert.equal(metadata.deletionTimestamp, undefined)
        assert.deepEqual(
          metadata.ownerReferences?.map(({ name }) => name),
          ['empty'],
        )
      }
    },
  },
  {
    row: 'A three-pod ownership cycle does not block deletion',
    run: async context => {
      const pods = new Map<string, Pod>()
      for (const name of ['a', 'b', 'c']) pods.set(name, await makePod(context, name, []))
      const owners = { a: 'c', b: 'a', c: 'b' }
      for (const [name, owner] of Object.entries(owners)) {
        const body = { metadata: { ownerReferences: [ownedBy(pods.get(owner) as Pod)] } }
        await context.resource(podKind).patch({ namespace: context.namespace, name }, { type: 'strategic', body })
      }
      await context.resource(podKind).delete({ namespace: context.namespace, name: 'a' }, { propagationPolicy: 'Foreground' })
      await untilPods(context, [])
    },
  },
]

async function untilPodsOwnedBy(context: ApiContext, { metadata: { uid } }: KubernetesObject): Promise<Pod[]> {
  return until(context, podKind, 'pods that stay with their ReplicaSet', pods =>
    pods.every(({ metadata }) => metadata.ownerReferences?.[0]?.uid === uid && !metadata.deletionTimestamp),
  )
}
