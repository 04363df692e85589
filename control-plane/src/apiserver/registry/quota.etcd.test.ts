/** ResourceQuota admission against a real etcd: what is charged, refused and given back, and that no two writes get the same room. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type Client,
  configMapKind,
  deploymentKind,
  isReason,
  namespaceKind,
  type PodSpec,
  podKind,
  type ResourceQuota,
  type ResourceQuotaSpec,
  resourceQuotaKind,
  type ServiceSpec,
  secretKind,
  serviceKind,
} from '@davit/api'
import { namespace, pod, service, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

async function limited(name: string, hard: Record<string, string>, spec: Partial<ResourceQuotaSpec> = {}): Promise<void> {
  await cluster.client.resource(namespaceKind).create(namespace(name))
  await makeQuota(name, 'q', hard, spec)
}

function makeQuota(namespace: string, name: string, hard: Record<string, string>, spec: Partial<ResourceQuotaSpec> = {}) {
  const quota: ResourceQuota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name, namespace }, spec: { hard, ...spec } }
  return cluster.client.resource(resourceQuotaKind).create(quota)
}

const used = async (namespace: string, name = 'q') =>
  (await cluster.client.resource(resourceQuotaKind).get({ name, namespace })).status?.used

const createPod = (namespace: string, name: string, resources: object = {}, spec: Partial<PodSpec> = {}, client: Client = cluster.client) =>
  client.resource(podKind).create(pod(name, { containers: [{ name: 'main', image: 'nginx:1.25', resources }], ...spec }, { namespace }))

test('a quota counts from its first moment what there was before, refuses what exceeds it, and gets back what goes', async () => {
  await cluster.client.resource(namespaceKind).create(namespace('first'))
  await createPod('first', 'a')
  await makeQuota('first', 'q', { pods: '2' })
  await createPod('first', 'b')
  assert.deepEqual(await used('first'), { pods: '2' })
  await assert.rejects(createPod('first', 'c'), {
    message: 'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
  })
  await cluster.client.resource(podKind).delete({ name: 'a', namespace: 'first' })
  assert.deepEqual(await used('first'), { pods: '1' })
  await createPod('first', 'c')
  assert.deepEqual(await used('first'), { pods: '2' })
  // Who has ended makes room by the very write that says so.
  const body = { status: { phase: 'Succeeded' } }
  await cluster.client.resource(podKind).patch({ name: 'b', namespace: 'first' }, { type: 'merge', body }, { subresource: 'status' })
  assert.deepEqual(await used('first'), { pods: '1' })
})

test('as many creates at once as there may be, from two replicas, fill a quota exactly', async () => {
  await limited('crowded', { pods: '20', 'requests.cpu': '10' })
  const other = await cluster.replica()
  const clients = [cluster.client, other.client]
  const results = await Promise.allSettled(
    Array.from({ length: 60 }, (_, i) => createPod('crowded', `p${i}`, { requests: { cpu: '100m' } }, {}, clients[i % 2])),
  )
  const refused = results.flatMap(result => (result.status === 'rejected' ? [result.reason] : []))
  assert.equal(refused.length, 40)
  for (const error of refused)
    assert.match(String(error.message), /is forbidden: exceeded quota: q, requested: pods=1, used: pods=20, limited: pods=20$/)
  assert.deepEqual(await used('crowded'), { pods: '20', 'requests.cpu': '2' })
  const { items } = await cluster.client.resource(podKind).list({ namespace: 'crowded' })
  assert.equal(items.length, 20)
  // And as many deletions empty it.
  await Promise.all(
    items.map(({ metadata }, i) => clients[i % 2]?.resource(podKind).delete({ name: metadata.name ?? '', namespace: 'crowded' })),
  )
  assert.deepEqual(await used('crowded'), { pods: '0', 'requests.cpu': '0' })
})

test('containers must say what is limited, and a dry run is judged and takes nothing', async () => {
  await limited('said', { 'limits.cpu': '1' })
  await assert.rejects(createPod('said', 'p'), {
    message: 'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: main',
  })
  const spec = (cpu: string) => ({ containers: [{ name: 'main', image: 'x', resources: { limits: { cpu } } }] })
  const pods = cluster.client.resource(podKind)
  await pods.create(pod('p', spec('1'), { namespace: 'said' }), { dryRun: true })
  await assert.rejects(pods.create(pod('p', spec('2'), { namespace: 'said' }), { dryRun: true }), (error: unknown) =>
    isReason(error, 'Forbidden'),
  )
  assert.equal(await used('said'), undefined)
})

test('Services, claims and all kinds of objects are counted, also when they change', async () => {
  await limited('objects', {
    services: '5',
    'services.nodeports': '1',
    'services.loadbalancers': '0',
    'count/deployments.apps': '1',
    configmaps: '3',
    secrets: '1',
    resourcequotas: '1',
  })
  const services = cluster.client.resource(serviceKind)
  const create = (name: string, spec: Partial<ServiceSpec>) => {
    const object = service(name, spec)
    return services.create({ ...object, metadata: { ...object.metadata, namespace: 'objects' } })
  }
  await create('plain', {})
  await create('ported', { type: 'NodePort' })
  await assert.rejects(
    create('second', { type: 'NodePort' }),
    /exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1/,
  )
  await assert.rejects(
    create('balanced', { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false }),
    /limited: services.loadbalancers=0/,
  )
  const target = { name: 'ported', namespace: 'objects' }
  await services.patch(target, { type: 'merge', body: { spec: { type: 'ClusterIP', externalTrafficPolicy: null } } })
  assert.equal((await used('objects'))?.['services.nodeports'], '0')
  const metadata = (name: string) => ({ name, namespace: 'objects' })
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'main', image: 'x' }] } }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', spec: { selector: { matchLabels: { a: 'b' } }, template } }
  const deployments = cluster.client.resource(deploymentKind)
  await deployments.create({ ...deployment, metadata: metadata('one') } as never)
  await assert.rejects(deployments.create({ ...deployment, metadata: metadata('two') } as never), {
    message:
      'deployments.apps "two" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1',
  })
  await cluster.client.resource(configMapKind).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('c') })
  await cluster.client.resource(secretKind).create({ apiVersion: 'v1', kind: 'Secret', metadata: metadata('s') } as never)
  await assert.rejects(makeQuota('objects', 'more', { pods: '1' }), /exceeded quota: q, requested: resourcequotas=1/)
  const now = await used('objects')
  assert.deepEqual([now?.services, now?.configmaps, now?.secrets, now?.resourcequotas], ['2', '1', '1', '1'])
})

test('BestEffort and NotBestEffort scopes count only matching pods', async () => {
  await limited('scoped', { pods: '1' }, { scopes: ['BestEffort'] })
  await makeQuota('scoped', 'other', { pods: '5' }, { scopes: ['NotBestEffort'] })
  await createPod('scoped', 'best')
  await createPod('scoped', 'burst', { requests: { cpu: '1' } })
  await assert.rejects(createPod('scoped', 'best2'), /exceeded quota: q/)
  assert.deepEqual([await used('scoped'), await used('scoped', 'other')], [{ pods: '1' }, { pods: '1' }])
})

test('Quota status can be updated and patched without touching spec', async () => {
  await limited('status', { cpu: '1' })
  const target = { name: 'q', namespace: 'status' }
  const quotas = cluster.client.resource(resourceQuotaKind)
  const patched = await quotas.patch(
    target,
    { type: 'merge', body: { status: { hard: { cpu: '2' } }, spec: { hard: { cpu: '9' } } } },
    { subresource: 'status' },
  )
  assert.deepEqual([patched.spec.hard, patched.status?.hard], [{ cpu: '1' }, { cpu: '2' }])
  await quotas.delete(target)
})
