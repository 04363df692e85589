/** ValidatingAdmissionPolicies judge requests, in Kubernetes' words. */
import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import {
  configMapKind,
  namespaceKind,
  type ValidatingAdmissionPolicySpec,
  validatingAdmissionPolicyBindingKind,
  validatingAdmissionPolicyKind,
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
  await cluster.client.resource(validatingAdmissionPolicyBindingKind).deleteCollection({})
  await cluster.client.resource(validatingAdmissionPolicyKind).deleteCollection({})
})

const apiVersion = 'admissionregistration.k8s.io/v1'
const configMaps = () => cluster.client.resource(configMapKind)
const RULES = rulesFor(['configmaps'], ['CREATE', 'UPDATE', 'DELETE'])

async function policy(spec: ValidatingAdmissionPolicySpec, binding: object = {}): Promise<void> {
  const policies = cluster.client.resource(validatingAdmissionPolicyKind)
  const metadata = { name: 'judge' }
  const matchConstraints = { resourceRules: RULES }
  await policies.create({ apiVersion, kind: 'ValidatingAdmissionPolicy', metadata, spec: { matchConstraints, ...spec } })
  const bindings = cluster.client.resource(validatingAdmissionPolicyBindingKind)
  const bound = { policyName: 'judge', validationActions: ['Deny'], ...binding }
  await bindings.create({ apiVersion, kind: 'ValidatingAdmissionPolicyBinding', metadata: { name: 'bound' }, spec: bound })
}

const message = async (write: Promise<unknown>) => (await refused(write)).message
const BY = "ValidatingAdmissionPolicy 'judge' with binding 'bound' denied request"

test('a policy refuses with its expression, its message, or what makes one, for its reason', async () => {
  await policy({
    variables: [
      { name: 'key', expression: "'size'" },
      { name: 'size', expression: 'variables.key in object.data ? int(object.data[variables.key]) : 0' },
    ],
    validations: [
      { expression: "request.operation == 'DELETE' || variables.size < 10", messageExpression: "'size ' + string(variables.size)" },
      { expression: "request.operation == 'DELETE' || object.metadata.name != 'odd'", message: 'odd', reason: 'Forbidden' },
      { expression: "request.operation != 'DELETE' || oldObject.metadata.name != 'kept'" },
    ],
  })
  const large = await refused(configMaps().create({ ...configMap('large'), data: { size: '12' } }))
  assert.deepEqual([large.code, large.reason], [422, 'Invalid'])
  assert.equal(large.message, `configmaps "large" is forbidden: ${BY}: size 12`)
  const odd = await refused(configMaps().create(configMap('odd')))
  assert.deepEqual([odd.code, odd.reason, odd.message], [403, 'Forbidden', `configmaps "odd" is forbidden: ${BY}: odd`])
  await configMaps().create({ ...configMap('kept'), data: { size: '3' } })
  const kept = await message(configMaps().delete({ name: 'kept', namespace: 'default' }))
  const expression = "request.operation != 'DELETE' || oldObject.metadata.name != 'kept'"
  assert.equal(kept, `configmaps "kept" is forbidden: ${BY}: failed expression: ${expression}`)
})

test('a policy that only warns lets through', async () => {
  await policy({ validations: [{ expression: 'size(object.metadata.name) < 3' }] }, { validationActions: ['Warn', 'Audit'] })
  const warnings: string[] = []
  const notes: [string, string][] = []
  const context = { user: { name: 'a', groups: ['system:masters'] }, warnings, audit: (...note: [string, string]) => notes.push(note) }
  const { object } = await cluster.registry.create(context, configMapKind, 'default', configMap('warned'))
  assert.equal(object.metadata.name, 'warned')
  const why = 'failed expression: size(object.metadata.name) < 3'
  assert.deepEqual(warnings, [`Validation failed for ValidatingAdmissionPolicy 'judge' with binding 'bound': ${why}`])
  assert.deepEqual(JSON.parse(notes[0]?.[1] ?? ''), [
    { message: why, policy: 'judge', binding: 'bound', expressionIndex: 0, validationActions: ['Warn', 'Audit'] },
  ])
})

test('what cannot be evaluated is what the failure policy says', async () => {
  await policy({ validations: [{ expression: 'object.data.missing == "a"' }] })
  const target = { ...configMap('broken'), data: { other: '1' } }
  assert.match(
    await message(configMaps().create(target)),
    /expression 'object\.data\.missing == "a"' resulted in error: no such key: missing$/,
  )
  const body = { spec: { failurePolicy: 'Ignore' } }
  await cluster.client.resource(validatingAdmissionPolicyKind).patch({ name: 'judge' }, { type: 'merge', body })
  await configMaps().create(target)
})

test('a policy judges by its parameters, each alone, and says so when there are none', async () => {
  const params = { apiVersion: 'v1', kind: 'ConfigMap' }
  const paramRef = { selector: { matchLabels: { limit: 'yes' } }, parameterNotFoundAction: 'Deny' }
  const expression = 'has(object.metadata.labels) || int(params.data.most) > object.metadata.name.size()'
  await policy(
    { paramKind: params, validations: [{ expression }], matchConditions: [{ name: 'new', expression: 'oldObject == null' }] },
    { paramRef },
  )
  const none = 'failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction'
  assert.equal(await message(configMaps().create(configMap('abc'))), `configmaps "abc" is forbidden: ${BY}: ${none}`)
  const limit = configMap('limit')
  await running.cluster.client.resource(namespaceKind).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'elsewhere' } })
  await cluster.client.resource(validatingAdmissionPolicyBindingKind).patch(
    { name: 'bound' },
    {
      type: 'merge',
      body: {
        spec: {
          paramRef: { namespace: 'elsewhere' },
          matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } } },
        },
      },
    },
  )
  const metadata = { name: 'limit', namespace: 'elsewhere', labels: { limit: 'yes' } }
  await configMaps().create({ ...limit, metadata, data: { most: '4' } })
  await cluster.event(configMapKind, { namespace: 'elsewhere' }, ({ object }) => object.metadata.name === 'limit')
  await configMaps().create(configMap('abc'))
  assert.match(await message(configMaps().create(configMap('abcd'))), /failed expression: has/)
})

test('expressions may ask what the user may do', async () => {
  const check = (verb: string) => `authorizer.group('apps').resource('deployments').namespace('default').check('${verb}').allowed()`
  await policy({
    validations: [{ expression: `${check('get')} && !${check('delete')}` }, { expression: check('delete'), message: 'may not' }],
  })
  assert.equal(await message(configMaps().create(configMap('asked'))), `configmaps "asked" is forbidden: ${BY}: may not`)
})

test('a policy whose expressions do not compile, or are of another type, is refused', async () => {
  const wrong = async (spec: ValidatingAdmissionPolicySpec) => message(policy(spec))
  assert.match(
    await wrong({ validations: [{ expression: 'nothing == 1' }] }),
    /spec\.validations\[0\]\.expression: Invalid value: "nothing == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing'/,
  )
  assert.match(await wrong({ validations: [{ expression: '1 + 1' }] }), /Invalid value: "1 \+ 1": must evaluate to bool$/)
  const variables = [
    { name: 'a', expression: 'variables.b' },
    { name: 'b', expression: '1' },
  ]
  assert.match(await wrong({ variables, validations: [{ expression: 'true' }] }), /spec\.variables\[0\]\.expression: .*undefined field 'b'/)
  assert.match(await wrong({ validations: [{ expression: 'params.a == 1' }] }), /undeclared reference to 'params'/)
})
