import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  configMapKind,
  deploymentKind,
  type Kind,
  namespaceKind,
  nodeKind,
  podKind,
  secretKind,
  serviceAccountKind,
  type WatchEvent,
} from '@davit/api'
import { createInProcessClient } from './in-process-client.ts'
import { configMap, namespace, node, pod, startTestRegistry, type TestRegistry } from './testing/index.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

const CONFIG_MAPS = configMapKind as unknown as Kind
const PODS = podKind as unknown as Kind

test('create() gives identity and defaults, and get, list and watch show it', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const created = await configMaps.create(configMap('one', { labels: { tier: 'x' } }))
  assert.match(created.metadata.uid ?? '', /^[0-9a-f-]{36}$/)
  assert.ok(Number(created.metadata.resourceVersion) > 0)
  assert.deepEqual(await configMaps.get({ name: 'one', namespace: 'default' }), created)

  const selected = await configMaps.list({ namespace: 'default', labelSelector: 'tier=x' })
  assert.deepEqual(selected.items, [created])
  assert.equal(selected.kind, 'ConfigMapList')
  assert.deepEqual((await configMaps.list({ namespace: 'default', labelSelector: 'tier=y' })).items, [])
  const event = await cluster.event(configMapKind, { fieldSelector: 'metadata.name=one' }, ({ type }) => type === 'ADDED')
  assert.deepEqual(event.object, created)
})

test('create() refuses what Kubernetes refuses, in its words', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  await configMaps.create(configMap('taken'))
  const rejects = (attempt: Promise<unknown>, code: number, message: string | RegExp) => assert.rejects(attempt, { code, message })
  await rejects(configMaps.create(configMap('taken')), 409, 'configmaps "taken" already exists')
  await rejects(configMaps.create(configMap('x', { namespace: 'none' })), 404, 'namespaces "none" not found')
  await rejects(
    configMaps.create(configMap('x', { resourceVersion: '5' })),
    400,
    'resourceVersion should not be set on objects to be created',
  )
  await rejects(
    configMaps.create(configMap('Bad_Name')),
    422,
    /^ConfigMap "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123/,
  )
  await rejects(configMaps.create(configMap('')), 422, /metadata\.name: Required value: name or generateName is required/)
  const other = cluster.registry.create(cluster.context, CONFIG_MAPS, 'default', configMap('x', { namespace: 'kube-system' }))
  await rejects(other, 400, 'the namespace of the provided object does not match the namespace sent on the request')
  await rejects(configMaps.get({ name: 'absent', namespace: 'default' }), 404, 'configmaps "absent" not found')
  await rejects(configMaps.list({ namespace: 'default', fieldSelector: 'spec.x=1' }), 400, /spec\.x/)
})

test('create() reports unknown fields as fieldValidation asks', async () => {
  const body = { ...pod('strict'), spec: { ...pod('strict').spec, nonsense: 1 } }
  const strict = cluster.registry.create({ ...cluster.context, fieldValidation: 'Strict' }, PODS, 'default', body)
  await assert.rejects(strict, { code: 400, message: /strict decoding error: unknown field "spec\.nonsense"/ })
  const warnings: string[] = []
  await cluster.registry.create({ ...cluster.context, warnings }, PODS, 'default', body)
  assert.deepEqual(warnings, ['unknown field "spec.nonsense"'])
})

test('create() completes generateName, never twice the same', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const made = await Promise.all(Array.from({ length: 30 }, () => configMaps.create(configMap('', { name: '', generateName: 'gen-' }))))
  const names = new Set(made.map(({ metadata }) => metadata.name))
  assert.equal(names.size, 30)
  for (const name of names) assert.match(name ?? '', /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/)
})

test('a pod gets service account, tolerations, priority and status', async () => {
  const created = await cluster.client.resource(podKind).create(pod('admitted'))
  assert.equal(created.spec.serviceAccountName, 'default')
  assert.equal(created.spec.priority, 0)
  assert.deepEqual(
    created.spec.tolerations?.map(({ key, tolerationSeconds }) => [key, tolerationSeconds]),
    [
      ['node.kubernetes.io/not-ready', 3],
      ['node.kubernetes.io/unreachable', 3],
    ],
  )
  assert.equal(created.status?.phase, 'Pending')
  assert.equal(created.status?.qosClass, 'BestEffort')
  const unknown = cluster.client.resource(podKind).create(pod('unknown-account', { serviceAccountName: 'nobody' }))
  await assert.rejects(unknown, {
    code: 403,
    message: 'pods "unknown-account" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  })
  await cluster.client.resource(serviceAccountKind).create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'puller', namespace: 'default' },
    imagePullSecrets: [{ name: 'registry' }],
  })
  const pulling = await cluster.client.resource(podKind).create(pod('pulling', { serviceAccountName: 'puller' }))
  assert.deepEqual(pulling.spec.imagePullSecrets, [{ name: 'registry' }])
})

test('update() compares versions and uids, and does not write what is the same', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const created = await configMaps.create(configMap('updated'))
  const same = await configMaps.update(created)
  assert.equal(same.metadata.resourceVersion, created.metadata.resourceVersion)
  const changed = await configMaps.update({ ...created, data: { a: '2' } })
  assert.notEqual(changed.metadata.resourceVersion, created.metadata.resourceVersion)
  await assert.rejects(configMaps.update({ ...created, data: { a: '3' } }), {
    code: 409,
    message:
      'Operation cannot be fulfilled on configmaps "updated": the object has been modified; please apply your changes to the latest version and try again',
  })
  const foreign = { ...changed, metadata: { ...changed.metadata, uid: 'other' } }
  await assert.rejects(configMaps.update(foreign), { code: 409, message: /Precondition failed: UID in precondition: other/ })
  const blind = await configMaps.update(configMap('updated', {}, { a: '4' }))
  assert.equal(blind.metadata.uid, created.metadata.uid)
  assert.equal(blind.metadata.creationTimestamp, created.metadata.creationTimestamp)
})

test('update() of spec and of status leave each other alone and count generations', async () => {
  const deployments = cluster.client.resource(deploymentKind)
  const labels = { app: 'web' }
  const created = await deployments.create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod('x').spec } },
    status: { replicas: 7 },
  })
  assert.equal(created.metadata.generation, 1)
  assert.equal(created.status?.replicas, undefined)

  const status = { ...created, spec: { ...created.spec, replicas: 9 }, status: { replicas: 1, observedGeneration: 1 } }
  const reported = await deployments.update(status, { subresource: 'status' })
  assert.equal(reported.spec.replicas, 1)
  assert.equal(reported.status?.replicas, 1)
  assert.equal(reported.metadata.generation, 1)
  const scaled = await deployments.update({ ...reported, spec: { ...reported.spec, replicas: 3 }, status: {} })
  assert.equal(scaled.status?.replicas, 1)
  assert.equal(scaled.metadata.generation, 2)

  const deployment = deploymentKind as unknown as Kind
  const target = { name: 'web', namespace: 'default' }
  const scale = await cluster.registry.getScale(cluster.context, deployment, target)
  assert.deepEqual((scale as unknown as { spec: unknown; status: unknown }).spec, { replicas: 3 })
  assert.deepEqual((scale as unknown as { status: unknown }).status, { replicas: 1, selector: 'app=web' })
  const patch = { type: 'merge', body: { spec: { replicas: 5 } } } as const
  const patched = await cluster.registry.patch(cluster.context, deployment, target, patch, 'scale')
  assert.equal(patched.object.kind, 'Scale')
  assert.equal((await deployments.get(target)).spec.replicas, 5)
  await assert.rejects(cluster.registry.update(cluster.context, deployment, target, { ...scale, spec: { replicas: 2 } }, 'scale'), {
    code: 409,
  })
  const negative = { metadata: { name: 'web' }, spec: { replicas: -1 } }
  await assert.rejects(cluster.registry.update(cluster.context, deployment, target, negative, 'scale'), {
    code: 422,
    message: 'Scale.autoscaling "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  })
})

test('patch() of every type is retried over other writes, unless it names a version', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const created = await configMaps.create(configMap('patched'))
  const target = { name: 'patched', namespace: 'default' }
  const fields = Array.from({ length: 5 }, (_, index) => `f${index}`)
  await Promise.all(fields.map(field => configMaps.patch(target, { type: 'merge', body: { data: { [field]: 'x' } } })))
  const merged = await configMaps.get(target)
  assert.deepEqual(Object.keys(merged.data ?? {}).sort(), ['a', ...fields])
  await configMaps.patch(target, { type: 'json', body: [{ op: 'remove', path: '/data/a' }] })
  const strategic = await configMaps.patch(target, { type: 'strategic', body: { metadata: { labels: { l: '1' } } } })
  assert.deepEqual(strategic.metadata.labels, { l: '1' })
  assert.equal(strategic.data?.a, undefined)
  const stale = { metadata: { resourceVersion: created.metadata.resourceVersion }, data: { z: '1' } }
  await assert.rejects(configMaps.patch(target, { type: 'merge', body: stale }), { code: 409 })
  await assert.rejects(configMaps.patch(target, { type: 'json', body: [{ op: 'test', path: '/data/f0', value: 'y' }] }), { code: 422 })
})

test('dry runs answer as the real thing and leave nothing', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const made = await configMaps.create(configMap('dry'), { dryRun: true })
  assert.ok(made.metadata.uid)
  await assert.rejects(configMaps.get({ name: 'dry', namespace: 'default' }), { code: 404 })
  const real = await configMaps.create(configMap('dry'))
  await assert.rejects(configMaps.create(configMap('dry'), { dryRun: true }), { code: 409 })
  const changed = await configMaps.update({ ...real, data: { a: 'dry' } }, { dryRun: true })
  assert.equal(changed.data?.a, 'dry')
  await configMaps.delete({ name: 'dry', namespace: 'default' }, { dryRun: true })
  assert.deepEqual(await configMaps.get({ name: 'dry', namespace: 'default' }), real)
})

test('a Secret takes stringData into data', async () => {
  const secrets = cluster.client.resource(secretKind)
  const metadata = { name: 'plain', namespace: 'default' }
  const created = await secrets.create({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: { password: 'x' } })
  assert.deepEqual(created.data, { password: 'eA==' })
  assert.equal(created.stringData, undefined)
})

test('a watch follows an object through its life and filters by selector', async () => {
  const configMaps = cluster.client.resource(configMapKind)
  const { metadata } = await configMaps.list({ namespace: 'default' })
  const end = new AbortController()
  const events = configMaps.watch({
    namespace: 'default',
    labelSelector: 'watch=me',
    resourceVersion: metadata.resourceVersion ?? '',
    signal: end.signal,
  })
  const created = await configMaps.create(configMap('watched', { labels: { watch: 'me' } }))
  await configMaps.update({ ...created, data: { a: '2' } })
  await configMaps.update(configMap('watched', { labels: { watch: 'not' } }))
  const seen: WatchEvent<unknown>['type'][] = []
  for await (const event of events) {
    seen.push(event.type)
    if (seen.length === 3) break
  }
  end.abort()
  assert.deepEqual(seen, ['ADDED', 'MODIFIED', 'DELETED'])
})

test('a namespace that is terminating takes nothing new, and goes when it is finalized', async () => {
  const namespaces = cluster.client.resource(namespaceKind)
  const configMaps = cluster.client.resource(configMapKind)
  const created = await namespaces.create(namespace('brief'))
  assert.deepEqual(created.spec?.finalizers, ['kubernetes'])
  assert.equal(created.status?.phase, 'Active')
  assert.equal(created.metadata.labels?.['kubernetes.io/metadata.name'], 'brief')
  await configMaps.create(configMap('before', { namespace: 'brief' }))
  await namespaces.delete({ name: 'brief' })

  const terminating = await namespaces.get({ name: 'brief' })
  assert.equal(terminating.status?.phase, 'Terminating')
  assert.ok(terminating.metadata.deletionTimestamp)
  await assert.rejects(
    configMaps.create(configMap('late', { namespace: 'brief' })),
    (error: { code: number; message: string; status: { details: { causes: unknown[] } } }) => {
      assert.equal(error.code, 403)
      assert.equal(
        error.message,
        'configmaps "late" is forbidden: unable to create new content in namespace brief because it is being terminated',
      )
      const cause = { reason: 'NamespaceTerminating', message: 'namespace brief is being terminated', field: 'metadata.namespace' }
      assert.deepEqual(error.status.details.causes, [cause])
      return true
    },
  )
  await namespaces.update({ ...terminating, spec: { finalizers: [] } }, { subresource: 'finalize' })
  await assert.rejects(namespaces.get({ name: 'brief' }), { code: 404 })
  await assert.rejects(namespaces.delete({ name: 'kube-system' }), {
    code: 403,
    message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  })
})

test('nothing slips into a namespace whose deletion was answered', async () => {
  const namespaces = cluster.client.resource(namespaceKind)
  const other = await cluster.replica()
  for (let round = 0; round < 10; round++) {
    const name = `race-${round}`
    await namespaces.create(namespace(name))
    let isDeleted = false
    const creates = Array.from({ length: 6 }, async (_, index) => {
      const client = index % 2 ? other.client : cluster.client
      try {
        const { metadata } = await client.resource(configMapKind).create(configMap(`c${index}`, { namespace: name }))
        return Number(metadata.resourceVersion)
      } catch (error) {
        assert.ok(isDeleted || (error as { code: number }).code === 403 || (error as { code: number }).code === 404)
        return 0
      }
    })
    await namespaces.delete({ name })
    isDeleted = true
    const terminating = await namespaces.get({ name })
    for (const version of await Promise.all(creates)) assert.ok(version < Number(terminating.metadata.resourceVersion))
  }
})

test('a node changes its own labels and status, but not what keeps workloads off it', async () => {
  const nodes = createInProcessClient(cluster.registry, { name: 'system:node:n1', groups: ['system:nodes'] }).resource(nodeKind)
  const restricted = { 'node-restriction.kubernetes.io/zone': 'x' }
  const metadata = { name: 'n1', labels: restricted }
  await assert.rejects(nodes.create({ ...node('n1'), metadata }), {
    code: 403,
    message: 'nodes "n1" is forbidden: node "n1" is not allowed to set the following labels: node-restriction.kubernetes.io/zone',
  })
  await nodes.create(node('n1'))
  const body = [{ op: 'add', path: '/metadata/labels/node-restriction.kubernetes.io~1zone', value: 'x' }] as const
  await nodes.patch({ name: 'n1' }, { type: 'merge', body: { metadata: { labels: { a: '1' } } } })
  await assert.rejects(nodes.patch({ name: 'n1' }, { type: 'json', body }), { code: 403 })
  await assert.rejects(nodes.patch({ name: 'n1' }, { type: 'json', body }, { subresource: 'status' }), { code: 403 })
  await cluster.client.resource(nodeKind).patch({ name: 'n1' }, { type: 'merge', body: { metadata: { labels: restricted } } })
  const taints = [{ key: 'k', effect: 'NoSchedule' }]
  await cluster.client.resource(nodeKind).patch({ name: 'n1' }, { type: 'merge', body: { spec: { taints } } })
  await assert.rejects(nodes.patch({ name: 'n1' }, { type: 'merge', body: { spec: { taints: null } } }), {
    code: 403,
    message: /modify taints/,
  })
  const status = { conditions: [{ type: 'Ready', status: 'True' }] }
  await nodes.patch({ name: 'n1' }, { type: 'strategic', body: { status } }, { subresource: 'status' })
})
