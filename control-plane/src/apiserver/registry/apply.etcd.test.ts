import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type ApiError,
  configMapKind,
  deploymentKind,
  type Kind,
  type KubernetesObject,
  type ManagedFieldsEntry,
  podKind,
} from '@davit/api'
import { configMap, pod, startTestRegistry, type TestRegistry } from './testing/index.ts'
import type { RequestContext } from './types.ts'

let cluster: TestRegistry
before(async () => {
  cluster = await startTestRegistry()
})
after(() => cluster[Symbol.asyncDispose]())

const CONFIG_MAPS = configMapKind as unknown as Kind
const DEPLOYMENTS = deploymentKind as unknown as Kind
const PODS = podKind as unknown as Kind

const as = (fieldManager: string, more: Partial<RequestContext> = {}): RequestContext => ({ ...cluster.context, fieldManager, ...more })
const at = (name: string) => ({ name, namespace: 'default' })
const map = (name: string, data: Record<string, unknown>, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
})
const apply = async (manager: string, body: { metadata: { name: string } }, more: Partial<RequestContext> = {}, kind = CONFIG_MAPS) =>
  cluster.registry.patch(as(manager, more), kind, at(body.metadata.name), { type: 'apply', body })
const entriesOf = ({ metadata }: KubernetesObject) => (metadata.managedFields ?? []) as ManagedFieldsEntry[]
const fieldsBy = (object: KubernetesObject, manager: string, subresource?: string) =>
  entriesOf(object).find(entry => entry.manager === manager && entry.subresource === subresource)?.fieldsV1
const deployment = (name: string, spec: object = {}) => {
  const labels = { app: name }
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'nginx:1.25', ports: [{ containerPort: 80 }] }] } }
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { selector: { matchLabels: labels }, template, ...spec } }
}

test('an apply creates what is not there, and its manager owns just what it gave', async () => {
  const made = await apply('me', deployment('fresh', { replicas: 2 }), {}, DEPLOYMENTS)
  assert.equal(made.created, true)
  const [entry, ...others] = entriesOf(made.object)
  assert.deepEqual(others, [])
  const { time, fieldsV1, ...rest } = entry ?? {}
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  assert.deepEqual(rest, { manager: 'me', operation: 'Apply', apiVersion: 'apps/v1', fieldsType: 'FieldsV1' })
  const ports = { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } }
  const container = { '.': {}, 'f:name': {}, 'f:image': {}, 'f:ports': ports }
  const template = { 'f:metadata': { 'f:labels': { 'f:app': {} } }, 'f:spec': { 'f:containers': { 'k:{"name":"c"}': container } } }
  assert.deepEqual(fieldsV1, { 'f:spec': { 'f:replicas': {}, 'f:selector': {}, 'f:template': template } })
  const read = await cluster.registry.get(cluster.context, DEPLOYMENTS, at('fresh'))
  assert.deepEqual(read.object, made.object)
})

test('applying the same again writes nothing, whatever the clock says', async () => {
  const once = await apply('me', map('twice', { a: '1' }))
  const twice = await apply('me', map('twice', { a: '1' }))
  assert.equal(twice.created ?? false, false)
  assert.deepEqual(twice.object, once.object)
})

test('every write remembers its manager; what another sets or removes is no longer the first one’s', async () => {
  await cluster.registry.create(as('maker'), CONFIG_MAPS, 'default', map('history', { a: '1', b: '1' }, { labels: { l: '1' } }))
  await cluster.registry.patch(as('patcher'), CONFIG_MAPS, at('history'), { type: 'merge', body: { data: { b: '2', c: '1' } } })
  const { object } = await cluster.registry.patch(as('remover'), CONFIG_MAPS, at('history'), { type: 'merge', body: { data: { a: null } } })
  assert.deepEqual(fieldsBy(object, 'maker'), { 'f:data': {}, 'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } } })
  assert.deepEqual(fieldsBy(object, 'patcher'), { 'f:data': { 'f:b': {}, 'f:c': {} } })
  assert.equal(fieldsBy(object, 'remover'), undefined)
  assert.deepEqual(
    entriesOf(object).map(({ operation, apiVersion, subresource }) => [operation, apiVersion, subresource]),
    [
      ['Update', 'v1', undefined],
      ['Update', 'v1', undefined],
    ],
  )
})

test('status and scale have entries of their own', async () => {
  const made = await cluster.registry.create(as('maker'), DEPLOYMENTS, 'default', deployment('parts'))
  const status = { replicas: 1, conditions: [{ type: 'Available', status: 'True' }] }
  await cluster.registry.update(as('reporter'), DEPLOYMENTS, at('parts'), { ...made.object, status }, 'status')
  await cluster.registry.patch(as('scaler'), DEPLOYMENTS, at('parts'), { type: 'merge', body: { spec: { replicas: 4 } } }, 'scale')
  const { object } = await cluster.registry.get(cluster.context, DEPLOYMENTS, at('parts'))
  assert.deepEqual(fieldsBy(object, 'reporter', 'status'), {
    'f:status': { 'f:conditions': { '.': {}, 'k:{"type":"Available"}': { '.': {}, 'f:status': {}, 'f:type': {} } }, 'f:replicas': {} },
  })
  assert.deepEqual(fieldsBy(object, 'scaler', 'scale'), { 'f:spec': { 'f:replicas': {} } })
  assert.equal(JSON.stringify(fieldsBy(object, 'maker')).includes('f:replicas'), false)
  assert.equal(JSON.stringify(fieldsBy(object, 'maker')).includes('f:status'), false)
})

test('status that is applied to the object itself is nobody’s, and to its subresource it is', async () => {
  const config = { ...deployment('reset'), status: { replicas: 3 } }
  const made = await apply('me', config, {}, DEPLOYMENTS)
  assert.equal('f:status' in (fieldsBy(made.object, 'me') ?? {}), false)
  const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'reset' }, status: { replicas: 3 } }
  const { object } = await cluster.registry.patch(as('me'), DEPLOYMENTS, at('reset'), { type: 'apply', body }, 'status')
  assert.deepEqual(fieldsBy(object, 'me', 'status'), { 'f:status': { 'f:replicas': {} } })
  assert.equal((object as { status?: { replicas?: number } }).status?.replicas, 3)
  assert.deepEqual(fieldsBy(object, 'me'), fieldsBy(made.object, 'me'))
})

test('conflicts are told field by field; force takes the fields', async () => {
  await cluster.registry.create(as('kubectl-client-side-apply'), DEPLOYMENTS, 'default', deployment('contested', { replicas: 2 }))
  const error = await apply('me', deployment('contested', { replicas: 3 }), {}, DEPLOYMENTS).then(
    () => assert.fail('It must conflict'),
    (thrown: ApiError) => thrown,
  )
  assert.equal(error.code, 409)
  assert.equal(error.reason, 'Conflict')
  assert.equal(error.message, 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas')
  assert.deepEqual(error.status.details, {
    causes: [
      { reason: 'FieldManagerConflict', message: 'conflict with "kubectl-client-side-apply" using apps/v1', field: '.spec.replicas' },
    ],
  })
  const forced = await apply('me', deployment('contested', { replicas: 3 }), { force: true }, DEPLOYMENTS)
  assert.equal((forced.object as unknown as { spec: { replicas: number } }).spec.replicas, 3)
  const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'contested' }, spec: { replicas: 5 } }
  const scaled = cluster.registry.patch(as('scaler'), DEPLOYMENTS, at('contested'), { type: 'apply', body: scale }, 'scale')
  await assert.rejects(scaled, { code: 409, message: 'Apply failed with 1 conflict: conflict with "me": .spec.replicas' })
  const taken = await cluster.registry.patch(
    as('scaler', { force: true }),
    DEPLOYMENTS,
    at('contested'),
    { type: 'apply', body: scale },
    'scale',
  )
  assert.deepEqual((taken.object as unknown as { spec: unknown }).spec, { replicas: 5 })
})

test('what is no longer applied goes, unless another owns it; null takes a field away', async () => {
  await apply('a', map('pruned', { x: '1', y: '1', z: '1' }))
  await apply('b', map('pruned', { y: '1' }))
  const { object } = await apply('a', map('pruned', { z: '1' }))
  assert.deepEqual((object as { data?: object }).data, { y: '1', z: '1' })
  const { object: nulled } = await apply('c', map('pruned', { z: null }), { force: true })
  assert.deepEqual((nulled as { data?: object }).data, { y: '1' })
})

test('managedFields can be written: changed, or forgotten; nonsense and leaving them out change nothing', async () => {
  const made = await cluster.registry.create(as('csa'), CONFIG_MAPS, 'default', map('owned', { a: '1' }))
  const [entry] = entriesOf(made.object)
  const write = (value: unknown) =>
    cluster.registry.patch(as('me'), CONFIG_MAPS, at('owned'), {
      type: 'json',
      body: [{ op: 'replace', path: '/metadata/managedFields', value }],
    })
  const renamed = await write([{ ...entry, manager: 'kubectl', operation: 'Apply' }])
  assert.deepEqual(entriesOf(renamed.object), [{ ...entry, manager: 'kubectl', operation: 'Apply' }])
  for (const nonsense of [
    [{ ...entry, fieldsType: 'FieldsV2' }],
    [{ ...entry, operation: 'Guess' }],
    [{ ...entry, fieldsV1: { 'x:a': {} } }],
    [],
    [{}, {}],
  ]) {
    assert.deepEqual((await write(nonsense)).object, renamed.object, JSON.stringify(nonsense))
  }
  const { managedFields: _, ...metadata } = renamed.object.metadata
  const put = await cluster.registry.update(as('me'), CONFIG_MAPS, at('owned'), { ...renamed.object, metadata })
  assert.deepEqual(put.object, renamed.object)
  const reset = await write([{}])
  assert.equal(reset.object.metadata.managedFields, undefined)
  const again = await cluster.registry.update(as('me'), CONFIG_MAPS, at('owned'), map('owned', { a: '2' }))
  assert.deepEqual(fieldsBy(again.object, 'me'), { 'f:data': { 'f:a': {} } })
})

test('kubectl takes over what client-side apply left, and keeps its annotation', async () => {
  const last = map('handed', { a: '1', b: '1' }, { annotations: {} })
  const annotation = 'kubectl.kubernetes.io/last-applied-configuration'
  const annotations = { [annotation]: `${JSON.stringify(last)}\n` }
  await cluster.registry.create(as('kubectl-client-side-apply'), CONFIG_MAPS, 'default', map('handed', { a: '1', b: '1' }, { annotations }))
  await assert.rejects(apply('other', map('handed', { a: '2' })), { code: 409 })
  const { object } = await apply('kubectl', map('handed', { a: '2', b: '1' }))
  assert.equal(object.metadata.annotations?.[annotation], `${JSON.stringify(map('handed', { a: '2', b: '1' }))}\n`)
  await cluster.registry.patch(as('someone'), CONFIG_MAPS, at('handed'), { type: 'merge', body: { data: { b: '3' } } })
  await assert.rejects(apply('kubectl', map('handed', { a: '3', b: '4' })), {
    message: 'Apply failed with 1 conflict: conflict with "someone" using v1: .data.b',
  })
})

test('what cannot be applied is refused in Kubernetes’ words', async () => {
  const rejects = (body: object, message: string | RegExp, code = 400) =>
    assert.rejects(cluster.registry.patch(as('me'), DEPLOYMENTS, at('bad'), { type: 'apply', body }), { code, message })
  await rejects({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bad' } }, 'invalid object type: /v1, Kind=Pod')
  await rejects({ ...deployment('bad'), metadata: { name: 'bad', managedFields: [{}] } }, 'metadata.managedFields must be nil')
  await rejects(
    deployment('bad', { nonsense: 1 }),
    'failed to create typed patch object (/bad; apps/v1, Kind=Deployment): .spec.nonsense: field not declared in schema',
  )
  await rejects(deployment('bad', { replicas: 'x' }), /cannot unmarshal string into Go struct field/)
  await rejects({ ...deployment('bad'), metadata: { name: 'other' } }, /does not match the name on the URL/)
  await rejects({ ...deployment('bad'), metadata: { name: 'bad', uid: 'x' } }, /uid mismatch: the provided object specified uid x/, 409)
  await rejects(deployment('bad', { replicas: -1 }), /spec\.replicas: Invalid value: -1/, 422)
  const body = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'bad' } }
  const absent = cluster.registry.patch(as('me'), DEPLOYMENTS, at('bad'), { type: 'apply', body }, 'status')
  await assert.rejects(absent, { code: 404 })
  const mayCreate = () => Promise.reject(new Error('not you'))
  await assert.rejects(apply('me', deployment('bad'), { mayCreate }, DEPLOYMENTS), { message: 'not you' })
})

test('a dry run shows what an apply would do, and does nothing', async () => {
  const made = await apply('me', map('dry', { a: '1' }), { dryRun: true })
  assert.equal(made.created, true)
  assert.ok(fieldsBy(made.object, 'me'))
  await assert.rejects(cluster.registry.get(cluster.context, CONFIG_MAPS, at('dry')), { code: 404 })
})

test('applies of several at once all land', async () => {
  const managers = Array.from({ length: 4 }, (_, index) => `m${index}`)
  await Promise.all(managers.map(manager => apply(manager, map('busy', { [manager]: '1' }))))
  const { object } = await cluster.registry.get(cluster.context, CONFIG_MAPS, at('busy'))
  assert.deepEqual(Object.keys((object as { data?: object }).data ?? {}).sort(), managers)
  assert.deepEqual(
    entriesOf(object)
      .map(({ manager }) => manager)
      .sort(),
    managers,
  )
})

test('controllers and those who tell no name are remembered by what they are', async () => {
  const made = await cluster.client.resource(configMapKind).create(configMap('named'))
  assert.deepEqual(
    entriesOf(made).map(({ manager }) => manager),
    ['davit-controller-manager'],
  )
  const nameless = await cluster.registry.create(cluster.context, PODS, 'default', pod('nameless'))
  assert.deepEqual(
    entriesOf(nameless.object).map(({ manager }) => manager),
    ['unknown'],
  )
  // Admission's own additions, such as the ServiceAccount, are no client's.
  assert.equal(JSON.stringify(entriesOf(nameless.object)).includes('f:serviceAccountName'), false)
})

test('the views of one stored kind share its owners', async () => {
  const events = cluster.registry.kinds.all.filter(({ kind }) => kind === 'Event')
  const core = events.find(({ group }) => group === '') as Kind
  const other = events.find(({ group }) => group !== '') as Kind
  const involvedObject = { kind: 'Pod', namespace: 'default', name: 'x' }
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'seen', namespace: 'default' },
    involvedObject,
    reason: 'A',
    message: 'm',
  }
  await cluster.registry.create(as('maker'), core, 'default', event)
  const config = { apiVersion: 'events.k8s.io/v1', kind: 'Event', metadata: { name: 'seen', labels: { l: '1' } } }
  const { object } = await cluster.registry.patch(as('me'), other, at('seen'), { type: 'apply', body: config })
  assert.equal(object.metadata.labels?.l, '1')
  assert.deepEqual(
    entriesOf(object).map(({ manager, apiVersion }) => [manager, apiVersion]),
    [
      ['me', 'events.k8s.io/v1'],
      ['maker', 'v1'],
    ],
  )
})
