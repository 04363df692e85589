import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { configMapKind, type Kind, type Pod, type PodSpec, podKind } from '@davit/api'
import { configMap, pod, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

const PODS = podKind as unknown as Kind
const at = (name: string) => ({ name, namespace: 'default' })
const isGone = (name: string) => assert.rejects(cluster.client.resource(podKind).get(at(name)), { code: 404 })

async function boundPod(name: string, spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Promise<Pod> {
  const pods = cluster.client.resource(podKind)
  await pods.create(pod(name, spec, metadata))
  await pods.post(at(name), 'binding', { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: 'node-1' } })
  return pods.get(at(name))
}

test('binding puts a pod on a node, once', async () => {
  const bound = await boundPod('bound')
  assert.equal(bound.spec.nodeName, 'node-1')
  const scheduled = bound.status?.conditions?.find(({ type }) => type === 'PodScheduled')
  assert.equal(scheduled?.status, 'True')
  const again = cluster.client.resource(podKind).post(at('bound'), 'binding', { target: { name: 'node-2' } })
  await assert.rejects(again, {
    code: 409,
    message: 'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "node-1"',
  })
  await assert.rejects(cluster.client.resource(podKind).post(at('none'), 'binding', { target: { name: 'n' } }), { code: 404 })
  await assert.rejects(cluster.client.resource(podKind).post(at('bound'), 'binding', { target: {} }), {
    code: 422,
    message: 'Binding "bound" is invalid: target.name: Required value',
  })
  const onNode = await cluster.client.resource(podKind).list({ fieldSelector: 'spec.nodeName=node-1' })
  assert.deepEqual(onNode.items, [bound])
})

test('many schedulers binding one pod: one wins', async () => {
  await cluster.client.resource(podKind).create(pod('contested'))
  const other = await cluster.replica()
  const bindings = await Promise.allSettled(
    Array.from({ length: 10 }, (_, index) =>
      (index % 2 ? other.client : cluster.client).resource(podKind).post(at('contested'), 'binding', { target: { name: `n${index}` } }),
    ),
  )
  assert.equal(bindings.filter(({ status }) => status === 'fulfilled').length, 1)
  for (const binding of bindings) if (binding.status === 'rejected') assert.equal(binding.reason.code, 409)
})

test('a running pod is deleted with grace, which asking again only shortens', async () => {
  const pods = cluster.client.resource(podKind)
  const { metadata } = await boundPod('graceful')
  await pods.delete(at('graceful'))
  const first = await pods.get(at('graceful'))
  assert.equal(first.metadata.deletionGracePeriodSeconds, 30)
  assert.ok(Date.parse(first.metadata.deletionTimestamp ?? '') > Date.now() + 25_000)

  await pods.delete(at('graceful'), { gracePeriodSeconds: 60 })
  assert.deepEqual(await pods.get(at('graceful')), first)
  await pods.delete(at('graceful'))
  assert.deepEqual(await pods.get(at('graceful')), first)
  await pods.delete(at('graceful'), { gracePeriodSeconds: 10 })
  const shorter = await pods.get(at('graceful'))
  assert.equal(shorter.metadata.deletionGracePeriodSeconds, 10)
  assert.equal(Date.parse(first.metadata.deletionTimestamp ?? '') - Date.parse(shorter.metadata.deletionTimestamp ?? ''), 20_000)

  const wrong = pods.delete(at('graceful'), { gracePeriodSeconds: 0, preconditions: { uid: 'other' } })
  await assert.rejects(wrong, { code: 409, message: /Precondition failed: UID in precondition: other, UID in object meta: / })
  await pods.delete(at('graceful'), { gracePeriodSeconds: 0, preconditions: { uid: metadata.uid ?? '' } })
  await isGone('graceful')
})

test('a pod that runs nowhere goes at once', async () => {
  const pods = cluster.client.resource(podKind)
  await pods.create(pod('unscheduled'))
  await pods.delete(at('unscheduled'))
  await isGone('unscheduled')
  const finished = await boundPod('finished')
  await pods.update({ ...finished, status: { ...finished.status, phase: 'Succeeded' } }, { subresource: 'status' })
  await pods.delete(at('finished'))
  await isGone('finished')
  await boundPod('forced')
  await pods.delete(at('forced'), { gracePeriodSeconds: 0 })
  await isGone('forced')
  await boundPod('quick', { terminationGracePeriodSeconds: 0 })
  await pods.delete(at('quick'))
  await isGone('quick')
})

test('an eviction is a deletion with its own options', async () => {
  const { metadata } = await boundPod('evicted')
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'evicted' }, deleteOptions: { gracePeriodSeconds: 7 } }
  const answer = await cluster.client.resource(podKind).post(at('evicted'), 'eviction', body)
  assert.equal((answer as { status: string }).status, 'Success')
  const evicted = await cluster.client.resource(podKind).get(at('evicted'))
  assert.equal(evicted.metadata.uid, metadata.uid)
  assert.equal(evicted.metadata.deletionGracePeriodSeconds, 7)
})

test('finalizers hold an object until the last is taken away', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  await configMaps.create(configMap('held', { finalizers: ['example.com/a', 'example.com/b'] }))
  await configMaps.delete(at('held'))
  const held = await configMaps.get(at('held'))
  assert.ok(held.metadata.deletionTimestamp)
  assert.equal(held.metadata.deletionGracePeriodSeconds, 0)
  const more = { ...held, metadata: { ...held.metadata, finalizers: [...(held.metadata.finalizers ?? []), 'example.com/c'] } }
  await assert.rejects(configMaps.update(more), {
    code: 422,
    message:
      'ConfigMap "held" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/c"}',
  })
  await configMaps.patch(at('held'), { type: 'json', body: [{ op: 'remove', path: '/metadata/finalizers/0' }] })
  assert.deepEqual((await configMaps.get(at('held'))).metadata.finalizers, ['example.com/b'])
  await configMaps.patch(at('held'), { type: 'merge', body: { metadata: { finalizers: null } } })
  await assert.rejects(configMaps.get(at('held')), { code: 404 })
})

test('propagation policies become finalizers', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  for (const [name, propagationPolicy, finalizers] of [
    ['orphan', 'Orphan', ['orphan']],
    ['foreground', 'Foreground', ['foregroundDeletion']],
  ] as const) {
    await configMaps.create(configMap(name))
    await configMaps.delete(at(name), { propagationPolicy })
    const { metadata } = await configMaps.get(at(name))
    assert.deepEqual(metadata.finalizers, finalizers)
    assert.ok(metadata.deletionTimestamp)
  }
  await configMaps.delete(at('foreground'), { propagationPolicy: 'Orphan' })
  assert.deepEqual((await configMaps.get(at('foreground'))).metadata.finalizers, ['orphan'])
  await configMaps.delete(at('foreground'), { propagationPolicy: 'Background' })
  await assert.rejects(configMaps.get(at('foreground')), { code: 404 })
})

test('a pod with grace and a finalizer waits for both', async () => {
  const pods = cluster.client.resource(podKind)
  await boundPod('both', {}, { finalizers: ['example.com/a'] })
  await pods.delete(at('both'))
  await pods.patch(at('both'), { type: 'merge', body: { metadata: { finalizers: null } } })
  assert.equal((await pods.get(at('both'))).metadata.deletionGracePeriodSeconds, 30)
  await pods.delete(at('both'), { gracePeriodSeconds: 0 })
  await isGone('both')

  await boundPod('both-again', {}, { finalizers: ['example.com/a'] })
  await pods.delete(at('both-again'), { gracePeriodSeconds: 0 })
  assert.equal((await pods.get(at('both-again'))).metadata.deletionGracePeriodSeconds, 0)
  await pods.patch(at('both-again'), { type: 'merge', body: { metadata: { finalizers: null } } })
  await isGone('both-again')
})

test('a resourceVersion precondition must hold', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const { metadata } = await configMaps.create(configMap('versioned'))
  const changed = await configMaps.update(configMap('versioned', {}, { a: '2' }))
  const stale = configMaps.delete(at('versioned'), { preconditions: { resourceVersion: metadata.resourceVersion ?? '' } })
  await assert.rejects(stale, { code: 409, message: /ResourceVersion in precondition/ })
  await configMaps.delete(at('versioned'), { preconditions: { resourceVersion: changed.metadata.resourceVersion ?? '' } })
})

test('deleteCollection() deletes what its selectors match', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  for (const name of ['c1', 'c2', 'c3']) await configMaps.create(configMap(name, { labels: { keep: String(name === 'c3') } }))
  await configMaps.deleteCollection({ namespace: 'default', labelSelector: 'keep=false' })
  const { items } = await configMaps.list({ namespace: 'default', labelSelector: 'keep' })
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['c3'],
  )
})

test('ephemeral containers are only added', async () => {
  const { metadata } = await boundPod('debugged')
  const debug = { name: 'debug', image: 'busybox:1.36' }
  const patch = (containers: object[]) =>
    cluster.registry.patch(
      cluster.context,
      PODS,
      at('debugged'),
      { type: 'merge', body: { spec: { ephemeralContainers: containers } } },
      'ephemeralcontainers',
    )
  const patched = (await patch([debug])).object as Pod
  assert.equal(patched.metadata.uid, metadata.uid)
  assert.equal(patched.spec.ephemeralContainers?.[0]?.name, 'debug')
  await patch([debug, { name: 'more', image: 'busybox:1.36' }])
  await assert.rejects(patch([{ name: 'more', image: 'busybox:1.36' }]), {
    code: 422,
    message: /existing ephemeral containers "debug" may not be removed/,
  })
  await assert.rejects(
    patch([
      { ...debug, image: 'nginx:1.25' },
      { name: 'more', image: 'busybox:1.36' },
    ]),
    {
      code: 422,
      message: /existing ephemeral containers "debug" may not be changed/,
    },
  )
})
