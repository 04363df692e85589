/** LimitRange admission against a real etcd. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isReason, type LimitRangeItem, limitRangeKind, namespaceKind, persistentVolumeClaimKind, podKind } from '@davit/api'
import { namespace, pod, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

async function limited(name: string, limits: LimitRangeItem[]): Promise<void> {
  await cluster.client.resource(namespaceKind).create(namespace(name))
  const metadata = { name: 'limits', namespace: name }
  await cluster.client.resource(limitRangeKind).create({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } })
}

const container = (resources: object) => ({ containers: [{ name: 'main', image: 'nginx:1.25', resources }] })

test('LimitRange fills in defaults, refuses pods out of range, and can be updated', async () => {
  await limited('ranged', [
    { type: 'Container', min: { cpu: '50m' }, max: { cpu: '500m' }, default: { cpu: '200m' }, defaultRequest: { cpu: '100m' } },
  ])
  const pods = cluster.client.resource(podKind)
  const made = await pods.create(pod('plain', {}, { namespace: 'ranged' }))
  assert.deepEqual(made.spec.containers[0]?.resources, { requests: { cpu: '100m' }, limits: { cpu: '200m' } })
  // What it got counts for its class of service.
  assert.equal(made.status?.qosClass, 'Burstable')
  const small = pod('small', container({ requests: { cpu: '10m' } }), { namespace: 'ranged' })
  await assert.rejects(pods.create(small), {
    message: 'pods "small" is forbidden: minimum cpu usage per Container is 50m, but request is 10m',
  })
  const body = { spec: { limits: [{ type: 'Container', min: { cpu: '10m' }, max: { cpu: '500m' } }] } }
  await cluster.client.resource(limitRangeKind).patch({ name: 'limits', namespace: 'ranged' }, { type: 'merge', body })
  const later = pod('small', container({ requests: { cpu: '10m' }, limits: { cpu: '10m' } }), { namespace: 'ranged' })
  assert.equal((await pods.create(later)).metadata.name, 'small')
})

test('a pod that is there is judged again only when it is resized', async () => {
  const resources = { requests: { cpu: '100m' }, limits: { cpu: '100m' } }
  await limited('resized', [])
  const pods = cluster.client.resource(podKind)
  await pods.create(pod('p', container(resources), { namespace: 'resized' }))
  const target = { name: 'p', namespace: 'resized' }
  const spec = { limits: [{ type: 'Container', max: { cpu: '50m' } }] }
  const metadata = { name: 'max', namespace: 'resized' }
  await cluster.client.resource(limitRangeKind).create({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec })
  await pods.patch(target, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })
  const body = { spec: container({ requests: { cpu: '80m' }, limits: { cpu: '80m' } }) }
  await assert.rejects(pods.patch(target, { type: 'strategic', body }, { subresource: 'resize' }), (error: unknown) => {
    assert.ok(isReason(error, 'Forbidden'))
    assert.equal(error.message, 'pods "p" is forbidden: maximum cpu usage per Container is 50m, but limit is 80m')
    return true
  })
})

test('claims are as large as their namespace lets them be', async () => {
  await limited('claimed', [{ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } }])
  const create = (name: string, storage: string) => {
    const spec = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } }
    const metadata = { name, namespace: 'claimed' }
    return cluster.client
      .resource(persistentVolumeClaimKind)
      .create({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec } as never)
  }
  await create('fits', '1Gi')
  await assert.rejects(create('large', '3Gi'), {
    message: 'persistentvolumeclaims "large" is forbidden: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
  })
})
