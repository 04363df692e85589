/** ReplicaSets and ReplicationControllers, kept by one controller over a registry on a real etcd. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type KubernetesObject, type Pod, podKind, type ReplicaSetStatus, serviceAccountKind, systemClock } from '@davit/api'
import { startTestRegistry, type TestRegistry } from '../../apiserver/registry/testing/index.ts'
import { startControllers } from '../index.ts'
import { type PodSet, type PodSetKind, REPLICA_SETS, REPLICATION_CONTROLLERS } from './pod-sets.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const namespace = 'default'
let cluster: TestRegistry
let running: Promise<unknown>
const stop = new AbortController()
before(async () => {
  cluster = await startTestRegistry()
  running = startControllers({ client: cluster.client, clock: systemClock, log, signal: stop.signal })
})
after(async () => {
  stop.abort()
  await running
  await cluster[Symbol.asyncDispose]()
})

const target = (name: string) => ({ name, namespace })
const pods = () => cluster.client.resource(podKind)
const ownerOf = ({ metadata }: KubernetesObject) => metadata.ownerReferences?.find(({ controller }) => controller)?.name
const statusOf = (set: object) => (set as Partial<PodSet>).status ?? {}
const failureIn = (status: ReplicaSetStatus) => status.conditions?.find(({ type }) => type === 'ReplicaFailure')

const VARIANTS: readonly [PodSetKind, selector: (labels: Record<string, string>) => object][] = [
  [REPLICA_SETS, matchLabels => ({ matchLabels })],
  [REPLICATION_CONTROLLERS, labels => labels],
]
for (const [{ kind }, selector] of VARIANTS) {
  describe(`A ${kind.kind}`, () => {
    const sets = () => cluster.client.resource(kind)
    const labelsOf = (name: string) => ({ app: `${name}-${kind.plural}` })
    const make = (name: string, spec: object = {}) => {
      const labels = labelsOf(name)
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox:1.36' }], ...spec } }
      const apiVersion = kind.group ? `${kind.group}/v1` : 'v1'
      const body = { apiVersion, kind: kind.kind, metadata: target(name), spec: { replicas: 2, selector: selector(labels), template } }
      return sets().create(body as unknown as PodSet)
    }
    const untilStatus = (name: string, is: (status: ReplicaSetStatus) => boolean) =>
      cluster.event(kind, { namespace, fieldSelector: `metadata.name=${name}` }, ({ object }) => is(statusOf(object)))
    const podsOf = async (name: string) => {
      const { items } = await pods().list({ namespace })
      return items.filter(pod => ownerOf(pod) === name && pod.metadata.ownerReferences?.[0]?.kind === kind.kind)
    }

    test('has as many pods as it asks for, and says so', async () => {
      await make('counted')
      await untilStatus('counted', ({ replicas, observedGeneration }) => replicas === 2 && observedGeneration === 1)
      const made = await podsOf('counted')
      assert.equal(made.length, 2)
      assert.ok(made.every(({ metadata }) => metadata.name?.startsWith('counted-')))
      await sets().patch(target('counted'), { type: 'merge', body: { spec: { replicas: 1 } } })
      await untilStatus('counted', ({ replicas }) => replicas === 1)
      assert.equal((await podsOf('counted')).length, 1)
    })

    test('takes a pod that nobody has, and lets one go that it does not select any more', async () => {
      const orphan = { name: `orphan-${kind.plural}`, namespace, labels: labelsOf('keeper') }
      const spec = { containers: [{ name: 'main', image: 'busybox:1.36' }] }
      await pods().create({ apiVersion: 'v1', kind: 'Pod', metadata: orphan, spec } as Pod)
      await make('keeper')
      const watch = { namespace, fieldSelector: `metadata.name=${orphan.name}` }
      await cluster.event(podKind, watch, ({ object }) => ownerOf(object) === 'keeper')
      await untilStatus('keeper', ({ replicas }) => replicas === 2)
      await pods().patch(target(orphan.name), { type: 'merge', body: { metadata: { labels: { app: 'free' } } } })
      await cluster.event(podKind, watch, ({ object }) => ownerOf(object) === undefined)
      const isAnother = (pod: Pod) => ownerOf(pod) === 'keeper' && pod.metadata.labels?.app === labelsOf('keeper').app
      await untilStatus('keeper', ({ replicas }) => replicas === 2)
      assert.equal((await podsOf('keeper')).filter(isAnother).length, 2)
    })

    test('says that its pods are refused, and why, until they are not', async () => {
      const serviceAccountName = `late-${kind.plural}`
      await make('refused', { serviceAccountName })
      const { object } = await untilStatus('refused', status => failureIn(status) !== undefined)
      const { status, reason, message = '' } = failureIn(statusOf(object)) ?? {}
      assert.deepEqual([status, reason, statusOf(object).replicas], ['True', 'FailedCreate', 0])
      assert.match(message, new RegExp(`error looking up service account default/${serviceAccountName}`))
      await cluster.client
        .resource(serviceAccountKind)
        .create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: target(serviceAccountName) })
      await untilStatus('refused', status => status.replicas === 2 && failureIn(status) === undefined)
    })
  })
}
