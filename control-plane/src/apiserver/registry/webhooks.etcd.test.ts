/** What webhooks do to writes, over real TLS, on a registry over a real etcd. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  type ConfigMap,
  configMapKind,
  type Kind,
  limitRangeKind,
  mutatingWebhookConfigurationKind,
  namespaceKind,
  type Pod,
  podKind,
  validatingWebhookConfigurationKind,
} from '@davit/api'
import { configMap, namespace, pod } from './testing/index.ts'
import { refused, rulesFor, startWebhookCluster, type WebhookCluster } from './testing/webhook-cluster.ts'

let running: WebhookCluster
let cluster: WebhookCluster['cluster']
let hook: WebhookCluster['hook']
let mutating: WebhookCluster['mutating']
let validating: WebhookCluster['validating']
let webhook: WebhookCluster['webhook']
before(async () => {
  running = await startWebhookCluster()
  ;({ cluster, hook, mutating, validating, webhook } = running)
})
after(() => running.close())
beforeEach(() => running.reset())

const configMaps = () => cluster.client.resource(configMapKind)

test('a webhook refuses creates, updates, patches and deletions with its own status, asked once for each', async () => {
  hook.answers.set('/deny', ({ object, oldObject, operation }) => {
    const { data } = (object ?? oldObject) as ConfigMap
    const isWrong = operation === 'DELETE' ? data?.keep === 'yes' : data?.wrong === 'yes'
    return { allowed: !isWrong, status: { message: 'this is wrong', code: 403, reason: 'Forbidden' } }
  })
  await validating('deny', webhook('/deny', { rules: rulesFor(['configmaps'], ['CREATE', 'UPDATE', 'DELETE']) }))
  const message = 'admission webhook "deny.example.com" denied the request: this is wrong'
  const created = await refused(configMaps().create(configMap('wrong', {}, { wrong: 'yes' })))
  assert.deepEqual([created.message, created.code, created.reason], [message, 403, 'Forbidden'])
  const made = await configMaps().create(configMap('denied', {}, { keep: 'yes' }))
  const target = { name: 'denied', namespace: 'default' }
  hook.asked.length = 0
  assert.equal((await refused(configMaps().update({ ...made, data: { wrong: 'yes' } }))).message, message)
  assert.equal((await refused(configMaps().patch(target, { type: 'merge', body: { data: { wrong: 'yes' } } }))).message, message)
  assert.equal((await refused(configMaps().delete(target))).message, message)
  assert.deepEqual(
    hook.asked.map(({ request }) => request.operation),
    ['UPDATE', 'UPDATE', 'DELETE'],
  )
  const [update, , deletion] = hook.asked.map(({ request }) => request)
  assert.ok(update)
  assert.equal((update.object as ConfigMap).metadata.resourceVersion, made.metadata.resourceVersion)
  assert.deepEqual((update.oldObject as ConfigMap).data, { keep: 'yes' })
  assert.equal(deletion?.object, null)
  assert.deepEqual(update.userInfo, { username: 'kubernetes-admin', groups: ['system:masters'] })
  assert.deepEqual(
    [update.kind, update.resource, update.namespace],
    [{ group: '', version: 'v1', kind: 'ConfigMap' }, { group: '', version: 'v1', resource: 'configmaps' }, 'default'],
  )
})

test('webhooks chain: each sees what the ones before it added, and who wants to be is asked again', async () => {
  const add = (key: string, when: (data: Record<string, string>) => boolean) => (request: { object: object | null }) => {
    const { data = {} } = request.object as ConfigMap
    return when(data) ? { patch: [{ op: 'add', path: `/data/${key}`, value: 'yes' }] } : {}
  }
  hook.answers.set(
    '/first',
    add('first', data => !('first' in data)),
  )
  hook.answers.set(
    '/late',
    add('late', data => 'second' in data && !('late' in data)),
  )
  hook.answers.set(
    '/second',
    add('second', data => 'first' in data && !('second' in data)),
  )
  const rules = rulesFor(['configmaps'], ['CREATE'])
  await mutating('b', webhook('/second', { rules }))
  await mutating('a', webhook('/late', { rules, reinvocationPolicy: 'IfNeeded' }), webhook('/first', { rules }))
  const made = await configMaps().create(configMap('chained'))
  assert.deepEqual(made.data, { a: '1', first: 'yes', second: 'yes', late: 'yes' })
  assert.deepEqual(
    hook.asked.map(({ path }) => path),
    ['/late', '/first', '/second', '/late'],
  )
})

test('what a webhook adds gets defaults, those of the namespace too, and it changes the identity of nobody', async () => {
  await cluster.client.resource(namespaceKind).create(namespace('injected'))
  const metadata = { name: 'l', namespace: 'injected' }
  const spec = { limits: [{ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }] }
  await cluster.client.resource(limitRangeKind).create({ apiVersion: 'v1', kind: 'LimitRange', metadata, spec })
  hook.answers.set('/inject', () => ({
    patch: [
      { op: 'add', path: '/spec/initContainers', value: [{ name: 'injected', image: 'busybox', strange: true }] },
      { op: 'replace', path: '/metadata/uid', value: 'mine' },
      { op: 'add', path: '/metadata/labels', value: { injected: 'yes' } },
    ],
  }))
  await mutating('inject', webhook('/inject', { rules: rulesFor(['pods'], ['CREATE']) }))
  const made = (await cluster.client.resource(podKind).create(pod('p', {}, { namespace: 'injected' }))) as Pod
  const [init] = made.spec.initContainers ?? []
  assert.deepEqual([init?.terminationMessagePath, init?.resources?.requests], ['/dev/termination-log', { cpu: '1' }])
  assert.equal(init && 'strange' in init, false)
  assert.notEqual(made.metadata.uid, 'mine')
  assert.deepEqual(made.metadata.labels, { injected: 'yes' })
})

test('a patch that does not fit, or makes no object, is an error of the server and stores nothing', async () => {
  const rules = rulesFor(['configmaps'], ['CREATE'])
  await mutating('broken', webhook('/broken', { rules, failurePolicy: 'Ignore' }))
  for (const patch of [
    [{ op: 'remove', path: '/data/none' }],
    [{ op: 'replace', path: '/data', value: 'text' }],
    [{ op: 'replace', path: '/kind', value: 'Secret' }],
    [{ op: 'replace', path: '', value: null }],
  ]) {
    hook.answers.set('/broken', () => ({ patch }))
    const error = await refused(configMaps().create(configMap('broken')))
    assert.deepEqual([error.code, error.message.startsWith('Internal error occurred: ')], [500, true], error.message)
  }
  // What is an object, but not a good one, is refused as the client's own would be.
  hook.answers.set('/broken', () => ({ patch: [{ op: 'add', path: '/data/not~1good', value: 'x' }] }))
  assert.equal((await refused(configMaps().create(configMap('broken')))).code, 422)
})

test('Webhook configuration objects themselves can never be mutated or protected from deletion by webhooks', async () => {
  hook.answers.set('/everything', () => ({ allowed: false }))
  const rules = rulesFor(['*/*'], ['*'], ['*'], ['*'])
  await validating('everything', webhook('/everything', { rules }))
  await mutating('everything', webhook('/everything', { rules }))
  await refused(configMaps().create(configMap('stuck')))
  await cluster.client.resource(validatingWebhookConfigurationKind).delete({ name: 'everything' })
  await cluster.client.resource(mutatingWebhookConfigurationKind).delete({ name: 'everything' })
  await configMaps().create(configMap('stuck'))
})

test('warnings of webhooks reach the client', async () => {
  hook.answers.set('/warn', () => ({ warnings: ['mind the gap'] }))
  await validating('warn', webhook('/warn', { rules: rulesFor(['configmaps'], ['CREATE']) }))
  const warnings: string[] = []
  await cluster.registry.create({ ...cluster.context, warnings }, configMapKind as unknown as Kind, 'default', configMap('warned'))
  assert.deepEqual(warnings, ['mind the gap'])
})
