/** What webhooks are asked about, and in which form. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  configMapKind,
  deploymentKind,
  horizontalPodAutoscalerKind,
  horizontalPodAutoscalerV1Kind,
  type Kind,
  namespaceKind,
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

test('selectors choose by the labels of namespace and object', async () => {
  hook.answers.set('/select', () => ({ allowed: false }))
  await cluster.client.resource(namespaceKind).create({ ...namespace('exempt'), metadata: { name: 'exempt', labels: { exempt: 'yes' } } })
  const rules = rulesFor(['configmaps'], ['CREATE', 'UPDATE'])
  const namespaceSelector = { matchExpressions: [{ key: 'exempt', operator: 'DoesNotExist' as const }] }
  await validating('select', webhook('/select', { rules, namespaceSelector, objectSelector: { matchLabels: { judged: 'yes' } } }))
  await configMaps().create(configMap('free'))
  await configMaps().create(configMap('free', { namespace: 'exempt', labels: { judged: 'yes' } }))
  const error = await refused(configMaps().create(configMap('judged', { labels: { judged: 'yes' } })))
  assert.deepEqual([error.message, error.code], ['admission webhook "select.example.com" denied the request without explanation', 400])
  // An object that is about to be chosen is as much as one that was.
  const target = { name: 'free', namespace: 'default' }
  await refused(configMaps().patch(target, { type: 'merge', body: { metadata: { labels: { judged: 'yes' } } } }))
})

test('match conditions exempt objects; one that cannot be evaluated is what the failure policy says', async () => {
  hook.answers.set('/conditional', () => ({ allowed: false }))
  const rules = rulesFor(['configmaps'], ['CREATE'])
  const matchConditions = [{ name: 'not-skipped', expression: "object.metadata.name != 'skipped'" }]
  await validating('conditional', webhook('/conditional', { rules, matchConditions }))
  await configMaps().create(configMap('skipped'))
  await refused(configMaps().create(configMap('other')))
  const name = 'conditional'
  const body = { webhooks: [{ name: 'conditional.example.com', matchConditions: [{ name: 'not-skipped', expression: 'object.broken' }] }] }
  await cluster.client.resource(validatingWebhookConfigurationKind).patch({ name }, { type: 'strategic', body })
  assert.equal((await refused(configMaps().create(configMap('third')))).message, 'configmaps "third" is forbidden: no such key: broken')
  const wrong = { rules, matchConditions: [{ name: 'wrong', expression: 'object.' }] }
  const { code, message } = await refused(validating('wrong', webhook('/wrong', wrong)))
  assert.equal(code, 422)
  assert.match(message, /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: "object\.": compilation failed: ERROR: <input>:1:/)
})

test('webhooks are asked about dry runs, and about views in the version they know', async () => {
  hook.answers.set('/all', () => ({}))
  await validating('all', webhook('/all', { rules: rulesFor(['configmaps'], ['CREATE']) }))
  await configMaps().create(configMap('dry'), { dryRun: true })
  assert.equal(hook.asked[0]?.request.dryRun, true)
  hook.answers.set('/v2', () => ({ patch: [{ op: 'replace', path: '/spec/maxReplicas', value: 7 }] }))
  const rules = rulesFor(['horizontalpodautoscalers'], ['CREATE'], ['autoscaling'], ['v2'])
  await mutating('v2', webhook('/v2', { rules }))
  hook.asked.length = 0
  const spec = {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
    maxReplicas: 3,
    targetCPUUtilizationPercentage: 50,
  }
  const metadata = { name: 'h', namespace: 'default' }
  const body = { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscaler', metadata, spec }
  await cluster.registry.create(cluster.context, horizontalPodAutoscalerV1Kind as unknown as Kind, 'default', body)
  const [question] = hook.asked.map(({ request }) => request)
  assert.ok(question)
  assert.deepEqual([question.kind.version, question.requestKind.version], ['v2', 'v1'])
  assert.ok((question.object as { spec: { metrics?: unknown[] } }).spec.metrics)
  const stored = await cluster.client.resource(horizontalPodAutoscalerKind).get(metadata)
  assert.equal(stored.spec.maxReplicas, 7)
})

test('subresources are asked about by name: scale, status, binding, eviction and streams', async () => {
  hook.answers.set('/sub', ({ subResource }) => ({ allowed: subResource === 'scale', status: { message: String(subResource) } }))
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'main', image: 'x' }] } }
  const metadata = { name: 'd', namespace: 'default' }
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector: { matchLabels: { a: 'b' } }, template } }
  const deployments = cluster.client.resource(deploymentKind)
  await deployments.create(deployment as never)
  await cluster.client.resource(podKind).create(pod('sub'))
  const rules = [
    ...rulesFor(['deployments/*'], ['UPDATE'], ['apps']),
    ...rulesFor(['pods/binding', 'pods/eviction', 'pods/attach'], ['CREATE', 'CONNECT']),
  ]
  await validating('sub', webhook('/sub', { rules }))
  await deployments.patch(metadata, { type: 'merge', body: { spec: { replicas: 2 } } }, { subresource: 'scale' })
  const scaled = hook.asked.at(-1)?.request
  assert.deepEqual(scaled?.kind, { group: 'autoscaling', version: 'v1', kind: 'Scale' })
  assert.deepEqual((scaled.object as { spec: object }).spec, { replicas: 2 })
  const by = (part: string) => new RegExp(`denied the request: ${part}$`)
  assert.match(
    (await refused(deployments.patch(metadata, { type: 'merge', body: { status: { replicas: 1 } } }, { subresource: 'status' }))).message,
    by('status'),
  )
  const target = { name: 'sub', namespace: 'default' }
  const pods = cluster.client.resource(podKind)
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: target, target: { kind: 'Node', name: 'n' } }
  assert.match((await refused(pods.post(target, 'binding', binding))).message, by('binding'))
  assert.match(
    (await refused(pods.post(target, 'eviction', { apiVersion: 'policy/v1', kind: 'Eviction', metadata: target }))).message,
    by('eviction'),
  )
  const attach = { kind: 'PodAttachOptions', apiVersion: 'v1', stdout: true } as const
  const error = await refused(cluster.registry.connect(cluster.context, podKind as unknown as Kind, target, 'attach', attach))
  assert.match(error.message, by('attach'))
  assert.deepEqual([hook.asked.at(-1)?.request.operation, hook.asked.at(-1)?.request.object], ['CONNECT', attach])
})

test('through a subresource a webhook changes what the subresource is for, and nothing else', async () => {
  const metadata = { name: 'narrow', namespace: 'default' }
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'main', image: 'x' }] } }
  const deployments = cluster.client.resource(deploymentKind)
  const spec = { selector: { matchLabels: { a: 'b' } }, template }
  await deployments.create({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec } as never)
  hook.answers.set('/status', () => ({
    patch: [
      { op: 'replace', path: '/spec/replicas', value: 9 },
      { op: 'add', path: '/metadata/labels', value: { sneaked: 'in' } },
      { op: 'add', path: '/status/readyReplicas', value: 1 },
    ],
  }))
  hook.answers.set('/scale', () => ({ patch: [{ op: 'replace', path: '/spec/replicas', value: 5 }] }))
  const status = webhook('/status', { rules: rulesFor(['deployments/status'], ['UPDATE'], ['apps']) })
  await mutating('narrow', status, webhook('/scale', { rules: rulesFor(['deployments/scale'], ['UPDATE'], ['apps']) }))
  const told = await deployments.patch(metadata, { type: 'merge', body: { status: { replicas: 1 } } }, { subresource: 'status' })
  assert.deepEqual([told.spec.replicas, told.metadata.labels, told.status?.readyReplicas], [1, undefined, 1])
  await deployments.patch(metadata, { type: 'merge', body: { spec: { replicas: 2 } } }, { subresource: 'scale' })
  assert.equal((await deployments.get(metadata)).spec.replicas, 5)
})
