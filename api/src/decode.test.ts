import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeObject, schemaErrors } from './decode.ts'
import { deploymentKind } from './kinds/apps/deployment.ts'
import { leaseKind } from './kinds/coordination/lease.ts'
import { configMapKind } from './kinds/core/config-map.ts'
import { secretKind } from './kinds/core/secret.ts'
import { serviceKind } from './kinds/core/service.ts'
import { fieldErrorBody } from './status.ts'

const container = (more: object = {}) => ({ name: 'c', image: 'nginx', ...more })
const deployment = (spec: object = {}, pod: object = { containers: [container()] }) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { selector: { matchLabels: { app: 'web' } }, template: { metadata: { labels: { app: 'web' } }, spec: pod }, ...spec },
})

test('decodeObject() drops nulls, empty lists and empty maps, and leaves its input alone', () => {
  const raw = deployment({ replicas: null }, { containers: [container({ args: [], env: null })], nodeSelector: {}, securityContext: {} })
  const withNulls = { ...raw, metadata: { name: 'web', creationTimestamp: null, labels: {} } }
  const before = structuredClone(withNulls)
  const { object } = decodeObject(deploymentKind, withNulls)
  assert.deepEqual(object, deployment({}, { containers: [container()], securityContext: {} }))
  assert.deepEqual(withNulls, before)
})

test('decodeObject() names unknown fields by path and takes them out', () => {
  const { object, unknownFields } = decodeObject(deploymentKind, {
    ...deployment({ foo: 1 }, { containers: [container(), container({ name: 'd', imagePullpolicy: 'Always' })] }),
    extra: true,
  })
  assert.deepEqual(unknownFields, ['spec.template.spec.containers[1].imagePullpolicy', 'spec.foo', 'extra'])
  assert.deepEqual(object.spec.template.spec.containers[1], container({ name: 'd' }))
})

test('decodeObject() brings amounts, times and bytes into one form', () => {
  const resources = { requests: { cpu: 0.5, memory: '1024Mi' }, limits: { cpu: '1000m' } }
  const { object } = decodeObject(deploymentKind, deployment({}, { containers: [container({ resources })] }))
  assert.deepEqual(object.spec.template.spec.containers[0]?.resources, { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1' } })
  const lease = decodeObject(leaseKind, {
    metadata: { creationTimestamp: '2026-01-02T03:04:05.6+01:00' },
    spec: { renewTime: '2026-01-02T03:04:05.123456789Z', acquireTime: '2026-01-02T04:04:05+01:00' },
  })
  assert.equal(lease.object.metadata.creationTimestamp, '2026-01-02T02:04:05Z')
  assert.deepEqual(lease.object.spec, { renewTime: '2026-01-02T03:04:05.123456Z', acquireTime: '2026-01-02T03:04:05.000000Z' })
  assert.deepEqual(decodeObject(secretKind, { data: { a: 'YWJj\nZGVm\n' } }).object.data, { a: 'YWJjZGVm' })
})

const prefix = 'Deployment in version "v1" cannot be handled as a Deployment: '
const REFUSALS: readonly [raw: unknown, message: string][] = [
  ['text', 'the object provided is unrecognized (must be of type Deployment)'],
  [[], 'the object provided is unrecognized (must be of type Deployment)'],
  [{ apiVersion: 'v1', kind: 'Deployment' }, 'the API version in the data (v1) does not match the expected API version (apps/v1)'],
  [{ kind: 'Pod' }, 'Pod in version "v1" cannot be handled as a Deployment'],
  [{ spec: { replicas: '3' } }, `${prefix}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`],
  [
    { spec: { replicas: 1.5 } },
    `${prefix}json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32`,
  ],
  [
    { spec: { replicas: 2 ** 31 } },
    `${prefix}json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32`,
  ],
  [{ spec: [] }, `${prefix}json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec`],
  [{ spec: { paused: 'yes' } }, `${prefix}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool`],
  [
    { metadata: { labels: { a: 1 } } },
    `${prefix}json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string`,
  ],
  [
    deployment({}, { containers: {} }),
    `${prefix}json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container`,
  ],
  [
    deployment({}, { containers: [container({ command: [1] })] }),
    `${prefix}json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.command of type string`,
  ],
  [
    deployment({}, { containers: [container({ resources: { limits: { cpu: 'lots' } } })] }),
    `${prefix}quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
  ],
  [{ metadata: { creationTimestamp: 'now' } }, `${prefix}parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"`],
  [{ spec: { strategy: { rollingUpdate: { maxSurge: {} } } } }, `${prefix}json: cannot unmarshal object into Go value of type int32`],
]
for (const [raw, message] of REFUSALS) {
  test(`decodeObject() refuses ${JSON.stringify(raw).slice(0, 60)}`, () => {
    assert.throws(() => decodeObject(deploymentKind, raw), { name: 'ApiError', reason: 'BadRequest', message })
  })
}

test('decodeObject() refuses bytes that are no base64, saying where', () => {
  const message = (at: number) => `Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte ${at}`
  assert.throws(() => decodeObject(secretKind, { data: { a: 'ab!d' } }), { message: message(2) })
  assert.throws(() => decodeObject(secretKind, { data: { a: 'abcde' } }), { message: message(4) })
})

test('decodeObject() collects missing fields and unknown values', () => {
  const { errors } = decodeObject(deploymentKind, {
    spec: {
      strategy: { type: 'Slow' },
      template: { spec: { containers: [{ image: 'x', imagePullPolicy: 'Often', ports: [{ containerPort: 80 }, {}] }] } },
    },
  })
  assert.deepEqual(
    errors.map(error => `${error.field}: ${fieldErrorBody(error)}`).sort(),
    [
      'spec.selector: Required value',
      'spec.strategy.type: Unsupported value: "Slow": supported values: "Recreate", "RollingUpdate"',
      'spec.template.spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
      'spec.template.spec.containers[0].name: Required value',
      'spec.template.spec.containers[0].ports[1].containerPort: Required value',
    ].sort(),
  )
})

test('an empty named value means that none was chosen', () => {
  const { object, errors } = decodeObject(serviceKind, { spec: { type: '', ports: [{ port: 80 }] } })
  assert.deepEqual(errors, [])
  assert.equal('type' in object.spec, false)
})

test('status and metadata are not judged by the schema', () => {
  const status = { conditions: [{ type: 'Ready' }] }
  assert.deepEqual(schemaErrors(serviceKind, { apiVersion: 'v1', kind: 'Service', metadata: {}, spec: {}, status } as never), [])
})

test('keys that mean something to JavaScript are data like any other', () => {
  const raw = JSON.parse('{"data":{"__proto__":"a","constructor":"b"},"__proto__":{"x":1},"constructor":{}}')
  const { object, unknownFields } = decodeObject(configMapKind, raw)
  assert.deepEqual(Object.entries(object.data ?? {}), [
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ])
  assert.deepEqual(unknownFields, ['__proto__', 'constructor'])
  assert.equal(Object.getPrototypeOf(object.data), Object.prototype)
})
