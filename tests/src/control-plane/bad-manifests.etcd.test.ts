/** Manifests with mistakes: refused in Kubernetes' words, which name the field and the value, and nothing of them is stored. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { configMap, deployment, PATHS, withContainer } from './manifests.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
})
after(() => plane[Symbol.asyncDispose]())

const DEPLOYMENT = 'Deployment in version "v1" cannot be handled as a Deployment: '
const QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const NO_MATCH = '`selector` does not match template `labels`'

const refusals: readonly [what: string, body: unknown, code: number, message: string][] = [
  [
    'text for a number',
    deployment(({ spec }) => Object.assign(spec, { replicas: 'three' })),
    400,
    `${DEPLOYMENT}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`,
  ],
  [
    'an object for a list',
    deployment(({ spec }) => Object.assign(spec.template.spec, { containers: {} })),
    400,
    `${DEPLOYMENT}json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container`,
  ],
  [
    'a number for an environment variable',
    withContainer({ env: [{ name: 'PORT', value: 8080 }] }),
    400,
    `${DEPLOYMENT}json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string`,
  ],
  [
    'a number for a label',
    deployment(({ metadata }) => Object.assign(metadata, { labels: { version: 1 } })),
    400,
    `${DEPLOYMENT}json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string`,
  ],
  [
    'a number that does not fit',
    deployment(({ spec }) => Object.assign(spec, { replicas: 5e9 })),
    400,
    `${DEPLOYMENT}json: cannot unmarshal number 5000000000 into Go struct field DeploymentSpec.spec.replicas of type int32`,
  ],
  ['a bad quantity', withContainer({ resources: { requests: { cpu: '1 core' } } }), 400, DEPLOYMENT + QUANTITY],
  [
    'a request beyond the limit',
    withContainer({ resources: { requests: { memory: '2Gi' }, limits: { memory: '1Gi' } } }),
    422,
    'Deployment.apps "web" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
  ],
  [
    'a negative quantity',
    withContainer({ resources: { requests: { memory: '-1' } } }),
    422,
    'Deployment.apps "web" is invalid: spec.template.spec.containers[0].resources.requests[memory]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    'a bad name',
    deployment(undefined, 'Web_1'),
    422,
    `Deployment.apps "Web_1" is invalid: metadata.name: Invalid value: "Web_1": ${SUBDOMAIN}`,
  ],
  [
    'a name with a NUL byte',
    deployment(undefined, 'a\0b'),
    422,
    `Deployment.apps "a\0b" is invalid: metadata.name: Invalid value: "a\\u0000b": ${SUBDOMAIN}`,
  ],
  [
    'a name that leads elsewhere',
    deployment(undefined, '../../pods/default/x'),
    422,
    `Deployment.apps "../../pods/default/x" is invalid: metadata.name: Invalid value: "../../pods/default/x": ${SUBDOMAIN}`,
  ],
  [
    'no container',
    deployment(({ spec }) => Reflect.deleteProperty(spec.template.spec, 'containers')),
    422,
    'Deployment.apps "web" is invalid: spec.template.spec.containers: Required value',
  ],
  [
    'no image',
    deployment(({ spec }) => Reflect.deleteProperty(spec.template.spec.containers[0] ?? {}, 'image')),
    422,
    'Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value',
  ],
  [
    'no selector',
    deployment(({ spec }) => Reflect.deleteProperty(spec, 'selector')),
    422,
    `Deployment.apps "web" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: {"app":"web"}: ${NO_MATCH}]`,
  ],
  [
    'a selector that does not match its template',
    deployment(({ spec }) => Object.assign(spec.selector.matchLabels, { app: 'shop' })),
    422,
    `Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: ${NO_MATCH}`,
  ],
  [
    'negative replicas',
    deployment(({ spec }) => Object.assign(spec, { replicas: -1 })),
    422,
    'Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'another version',
    { ...deployment(), apiVersion: 'apps/v2' },
    400,
    'the API version in the data (apps/v2) does not match the expected API version (apps/v1)',
  ],
  ['another kind', { ...deployment(), kind: 'Pod' }, 400, 'Pod in version "v1" cannot be handled as a Deployment'],
  [
    'another namespace',
    deployment(({ metadata }) => Object.assign(metadata, { namespace: 'other' })),
    400,
    'the namespace of the provided object does not match the namespace sent on the request',
  ],
  ['nothing', {}, 422, ''],
  ['a list', [], 400, 'the object provided is unrecognized (must be of type Deployment)'],
  ['null', 'null', 400, 'the object provided is unrecognized (must be of type Deployment)'],
]

describe('A Deployment with', () => {
  for (const [what, body, code, message] of refusals) {
    it(`${what} is refused with ${code}`, async () => {
      const answer = await plane.ask({ method: 'POST', path: PATHS.deployments, body })
      assert.equal(answer.code, code, answer.text)
      assert.equal(answer.json.kind, 'Status')
      assert.equal(answer.reason, code === 400 ? 'BadRequest' : 'Invalid')
      if (message) assert.equal(answer.message, message)
    })
  }

  it('any of these mistakes leaves nothing behind', async () => {
    const answer = await plane.ask({ path: PATHS.deployments })
    assert.deepEqual(answer.json.items, [])
  })

  it('mistakes names every one of them, as causes with their fields', async () => {
    const body = deployment(({ spec }) => Object.assign(spec, { replicas: -1, minReadySeconds: -2 }))
    const { json } = await plane.ask({ method: 'POST', path: PATHS.deployments, body })
    const { causes } = json.details as { causes: { field: string; reason: string }[] }
    assert.deepEqual(
      causes.map(({ field, reason }) => `${field} ${reason}`),
      ['spec.replicas FieldValueInvalid', 'spec.minReadySeconds FieldValueInvalid'],
    )
  })
})

describe('Unknown and repeated fields', () => {
  const text = JSON.stringify(deployment(({ spec }) => Object.assign(spec, { replica: 2, constructor: {} }), 'typo')).replace(
    '"name":"typo"',
    '"name":"first","name":"typo"',
  )
  const complaints = ['duplicate field "metadata.name"', 'unknown field "spec.replica"', 'unknown field "spec.constructor"']
  const post = (query: string) => plane.ask({ method: 'POST', path: `${PATHS.deployments}?dryRun=All&${query}`, body: text })

  it('are refused with fieldValidation=Strict', async () => {
    const answer = await post('fieldValidation=Strict')
    assert.equal(answer.code, 400)
    assert.equal(answer.message, `${DEPLOYMENT}strict decoding error: ${complaints.join(', ')}`)
  })

  for (const query of ['fieldValidation=Warn', '']) {
    it(`are warned of with ${query || 'no fieldValidation'}`, async () => {
      const answer = await post(query)
      assert.equal(answer.code, 201)
      for (const complaint of complaints)
        assert.ok(String(answer.headers.warning).includes(`299 - "${complaint.replaceAll('"', '\\"')}"`), String(answer.headers.warning))
      assert.equal((answer.json.spec as { replica?: number }).replica, undefined)
    })
  }

  it('are passed over with fieldValidation=Ignore', async () => {
    const answer = await post('fieldValidation=Ignore')
    assert.equal(answer.code, 201)
    assert.equal(answer.headers.warning, undefined)
  })

  it('take a known value of fieldValidation', async () => {
    const answer = await post('fieldValidation=Bogus')
    assert.equal(answer.code, 422)
    assert.match(answer.message, /fieldValidation: Unsupported value: "Bogus": supported values: "", "Ignore", "Strict", "Warn"/)
  })
})

describe('A change of a Deployment', () => {
  const path = `${PATHS.deployments}/fixed`
  before(async () => {
    const answer = await plane.ask({
      method: 'POST',
      path: PATHS.deployments,
      body: deployment(({ spec }) => Object.assign(spec, { replicas: 0 }), 'fixed'),
    })
    assert.equal(answer.code, 201)
  })

  const changes: readonly [what: string, body: unknown, code: number, message: string][] = [
    [
      'of its selector',
      deployment(({ spec }) => {
        spec.selector.matchLabels = { app: 'shop' }
        spec.template.metadata = { labels: { app: 'shop' } }
      }, 'fixed'),
      422,
      'Deployment.apps "fixed" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"shop"}}: field is immutable',
    ],
    [
      'from an old version',
      deployment(({ metadata }) => Object.assign(metadata, { resourceVersion: '1' }), 'fixed'),
      409,
      'Operation cannot be fulfilled on deployments.apps "fixed": the object has been modified; please apply your changes to the latest version and try again',
    ],
    ['of another name', deployment(undefined, 'other'), 400, 'the name of the object (other) does not match the name on the URL (fixed)'],
    [
      'that does not say which',
      { spec: deployment().spec },
      400,
      'the name of the object (fixed based on URL) was undeterminable: name must be provided',
    ],
  ]
  for (const [what, body, code, message] of changes) {
    it(`${what} is refused with ${code}`, async () => {
      const answer = await plane.ask({ method: 'PUT', path, body })
      assert.equal(answer.code, code, answer.text)
      assert.equal(answer.message, message)
    })
  }

  it('is refused when it cannot be told which one is meant, by uid', async () => {
    const uid = 'e0a1f5c8-0000-4000-8000-000000000000'
    const answer = await plane.ask({ method: 'PUT', path, body: deployment(({ metadata }) => Object.assign(metadata, { uid }), 'fixed') })
    assert.equal(answer.code, 409)
    assert.match(answer.message, new RegExp(`Precondition failed: UID in precondition: ${uid}, UID in object meta: `))
  })

  it('that was refused has changed nothing', async () => {
    const { json } = await plane.ask({ path })
    const { spec, metadata } = json as { spec: ReturnType<typeof deployment>['spec']; metadata: { generation: number } }
    assert.deepEqual(spec.selector, { matchLabels: { app: 'web' } })
    assert.equal(metadata.generation, 1)
  })
})

describe('A Scale', () => {
  const path = `${PATHS.deployments}/fixed/scale`
  const bodies: readonly [body: unknown, code: number, message: RegExp][] = [
    [{ metadata: { name: 'fixed' }, spec: { replicas: -1 } }, 422, /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/],
    [
      { metadata: { name: 'fixed' }, spec: { replicas: '2' } },
      400,
      /cannot unmarshal string into Go struct field ScaleSpec\.spec\.replicas of type int32/,
    ],
    [{ metadata: { name: 'fixed' }, spec: { replicas: 5e9 } }, 400, /cannot unmarshal number 5000000000 into Go struct field ScaleSpec/],
    [{ spec: { replicas: 5 } }, 400, /name must be provided/],
    ['[]', 400, /must be of type Scale/],
    ['{}', 400, /name must be provided/],
  ]
  for (const [body, code, message] of bodies) {
    it(`of ${JSON.stringify(body)} is refused with ${code}`, async () => {
      const answer = await plane.ask({ method: 'PUT', path, body })
      assert.equal(answer.code, code, answer.text)
      assert.match(answer.message, message)
    })
  }

  it('that was refused has scaled nothing', async () => {
    const { json } = await plane.ask({ path })
    assert.deepEqual(json.spec, { replicas: 0 })
  })
})

describe('Names that mean something to JavaScript', () => {
  it('are labels and keys as any other', async () => {
    const data = { constructor: 'a', toString: 'b', hasOwnProperty: 'c' }
    const body = { ...configMap('odd', data as never), metadata: { name: 'odd', labels: { constructor: 'x', other: 'y' } } }
    assert.equal((await plane.ask({ method: 'POST', path: PATHS.configMaps, body })).code, 201)
    const selected = await plane.ask({ path: `${PATHS.configMaps}?labelSelector=constructor=x,!valueOf` })
    assert.equal((selected.json.items as unknown[]).length, 1)

    const patch = { metadata: { labels: { constructor: null } } }
    const headers = { 'content-type': 'application/merge-patch+json' }
    await plane.ask({ method: 'PATCH', path: `${PATHS.configMaps}/odd`, headers, body: patch })
    const { json } = await plane.ask({ path: `${PATHS.configMaps}/odd` })
    assert.deepEqual((json.metadata as { labels: unknown }).labels, { other: 'y' })
    assert.deepEqual(json.data, data)
  })

  it('do not reach any prototype', async () => {
    const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"proto"},"data":{"__proto__":"x"}}'
    const answer = await plane.ask({ method: 'POST', path: PATHS.configMaps, body })
    assert.equal(answer.code, 400)
    const escaped = await plane.ask({ method: 'POST', path: PATHS.configMaps, body: body.replace('__proto__', '__pr\\u006fto__') })
    assert.equal(escaped.code, 400)
  })
})
