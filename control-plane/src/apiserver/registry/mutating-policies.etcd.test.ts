/** MutatingAdmissionPolicies change what is written, before webhooks see it. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  configMapKind,
  deploymentKind,
  type MutatingAdmissionPolicySpec,
  type Mutation,
  mutatingAdmissionPolicyBindingKind,
  mutatingAdmissionPolicyKind,
} from '@davit/api'
import { configMap } from './testing/index.ts'
import { refused, rulesFor, startWebhookCluster, type WebhookCluster } from './testing/webhook-cluster.ts'

let running: WebhookCluster
let cluster: WebhookCluster['cluster']
before(async () => {
  running = await startWebhookCluster()
  cluster = running.cluster
})
after(() => running.close())
beforeEach(async () => {
  await removePolicies()
  await running.reset()
})

async function removePolicies(): Promise<void> {
  await cluster.client.resource(mutatingAdmissionPolicyBindingKind).deleteCollection({})
  await cluster.client.resource(mutatingAdmissionPolicyKind).deleteCollection({})
}

const apiVersion = 'admissionregistration.k8s.io/v1'
const configMaps = () => cluster.client.resource(configMapKind)
const RULES = rulesFor(['configmaps'], ['CREATE', 'UPDATE'])

const apply = (expression: string): Mutation => ({ patchType: 'ApplyConfiguration', applyConfiguration: { expression } })
const patch = (expression: string): Mutation => ({ patchType: 'JSONPatch', jsonPatch: { expression } })

async function policy(name: string, spec: MutatingAdmissionPolicySpec, binding: object = {}): Promise<void> {
  const whole = { matchConstraints: { resourceRules: RULES }, reinvocationPolicy: 'Never', ...spec }
  await cluster.client
    .resource(mutatingAdmissionPolicyKind)
    .create({ apiVersion, kind: 'MutatingAdmissionPolicy', metadata: { name }, spec: whole })
  await cluster.client
    .resource(mutatingAdmissionPolicyBindingKind)
    .create({ apiVersion, kind: 'MutatingAdmissionPolicyBinding', metadata: { name }, spec: { policyName: name, ...binding } })
}

const data = async (name: string, given: Record<string, string> = {}) =>
  (await configMaps().create({ ...configMap(name), data: given })).data

test('a configuration is merged into the object, by its variables and where its conditions hold', async () => {
  await policy('merge', {
    matchConditions: [{ name: 'not-left', expression: "object.metadata.name != 'left'" }],
    variables: [{ name: 'more', expression: '{"b": object.metadata.name}' }],
    mutations: [
      apply('Object{data: variables.more, metadata: Object.metadata{labels: {"who": request.operation}}}'),
      apply('Object{data: Object.data{c: object.data.b + "!"}}'),
    ],
  })
  assert.deepEqual(await data('right', { a: '1' }), { a: '1', b: 'right', c: 'right!' })
  assert.deepEqual(await data('left', { a: '1' }), { a: '1' })
  const { metadata } = await configMaps().patch({ name: 'right', namespace: 'default' }, { type: 'merge', body: { data: { d: 'x' } } })
  assert.equal(metadata.labels?.who, 'UPDATE')
})

test('elements of lists are found by their keys', async () => {
  const rules = [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments'], operations: ['CREATE'] }]
  await policy('containers', {
    matchConstraints: { resourceRules: rules },
    mutations: [
      apply(`Object{spec: Object.spec{template: Object.spec.template{spec: Object.spec.template.spec{
        containers: object.spec.template.spec.containers.map(c, Object.spec.template.spec.containers{
          name: c.name, env: [Object.spec.template.spec.containers.env{name: "WHO", value: c.name}]
        })}}}}`),
    ],
  })
  const labels = { app: 'a' }
  const env = [{ name: 'OLD', value: 'x' }]
  const spec = {
    containers: [
      { name: 'main', image: 'busybox', env },
      { name: 'side', image: 'nginx' },
    ],
  }
  const metadata = { name: 'listed', namespace: 'default' }
  const made = await cluster.client.resource(deploymentKind).create({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  })
  const { containers = [] } = made.spec?.template?.spec ?? {}
  assert.deepEqual(
    containers.map(({ image, env }) => ({ image, env })),
    [
      { image: 'busybox', env: [...env, { name: 'WHO', value: 'main' }] },
      { image: 'nginx', env: [{ name: 'WHO', value: 'side' }] },
    ],
  )
})

test('a JSON patch is applied unless its own test fails, for each parameter', async () => {
  await configMaps().create({
    ...configMap('one'),
    metadata: { name: 'one', namespace: 'default', labels: { param: 'yes' } },
    data: { k: '1' },
  })
  await configMaps().create({
    ...configMap('two'),
    metadata: { name: 'two', namespace: 'default', labels: { param: 'yes' } },
    data: { k: '2' },
  })
  await policy(
    'patch',
    {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      mutations: [
        patch('[JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey(params.metadata.name), value: params.data.k}]'),
        patch('[JSONPatch{op: "test", path: "/data/a", value: "other"}, JSONPatch{op: "remove", path: "/data/a"}]'),
      ],
    },
    { paramRef: { selector: { matchLabels: { param: 'yes' } }, parameterNotFoundAction: 'Deny' } },
  )
  assert.deepEqual(await data('patched', { a: '1' }), { a: '1', one: '1', two: '2' })
})

test('what cannot be evaluated refuses, or is passed over', async () => {
  const mutations = [apply('Object{data: Object.data{x: object.data.none}}')]
  await policy('broken', { mutations })
  const error = await refused(data('broken', { a: '1' }))
  assert.deepEqual([error.code, error.reason], [403, 'Invalid'])
  assert.equal(error.message, "policy 'broken' with binding 'broken' denied request: no such key: none")
  await cluster.client
    .resource(mutatingAdmissionPolicyKind)
    .patch({ name: 'broken' }, { type: 'merge', body: { spec: { failurePolicy: 'Ignore' } } })
  assert.deepEqual(await data('ignored', { a: '1' }), { a: '1' })
})

test('a configuration may not replace what is one thing, nor say what nobody knows', async () => {
  const fails = async (expression: string) => {
    await removePolicies()
    await policy('wrong', { mutations: [apply(expression)] })
    return (await refused(data('wrong'))).message
  }
  assert.match(
    await fails('Object{metadata: Object.metadata{nothing: "x"}}'),
    /failed to convert patch object to typed object: .metadata.nothing: field not declared/,
  )
  assert.match(await fails('Object{data: Object.dato{x: "y"}}'), /unexpected type name "Object.dato", expected "Object.data"/)
})

test('a policy that wants to sees what others have changed since', async () => {
  const count = 'Object{data: Object.data{seen: string(object.data.size())}}'
  await policy('a-again', { mutations: [apply(count)], reinvocationPolicy: 'IfNeeded' })
  await policy('b-never', { mutations: [apply('Object{data: Object.data{never: string(object.data.size())}}')] })
  assert.deepEqual(await data('again', { a: '1' }), { a: '1', seen: '3', never: '2' })
})

test('a webhook is asked again when a policy that was asked again has changed something', async () => {
  await policy('late', {
    matchConditions: [{ name: 'hooked', expression: '"hook" in object.data' }],
    mutations: [apply('Object{data: Object.data{late: "yes"}}')],
  })
  await policy('again', {
    mutations: [apply('Object{data: Object.data{size: string(object.data.size())}}')],
    reinvocationPolicy: 'IfNeeded',
  })
  running.hook.answers.set('/add', () => ({ allowed: true, patch: [{ op: 'add', path: '/data/hook', value: 'x' }] }))
  await running.mutating('add', running.webhook('/add', { rules: RULES, reinvocationPolicy: 'IfNeeded' }))
  // The policy that wants to be asked once is not asked again though its condition holds now.
  assert.deepEqual(await data('twice', { a: '1' }), { a: '1', hook: 'x', size: '3' })
  assert.equal(running.hook.asked.length, 2)
})

test('webhooks see what policies have changed', async () => {
  await policy('first', { mutations: [apply('Object{data: Object.data{by: "policy"}}')] })
  running.hook.answers.set('/look', () => ({ allowed: true }))
  await running.mutating('look', running.webhook('/look', { rules: RULES }))
  await data('looked', { a: '1' })
  const [asked] = running.hook.asked
  assert.match(JSON.stringify(asked), /"by":"policy"/)
})
