/** Requests that are wrong in what they say, but for their manifest: always a Status that says what, never a crash, never a 500. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { configMap, deployment, PATHS } from './manifests.ts'
import { assertSound, assertStatus } from './moves.ts'
import type { Ask } from './send.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane()
  assert.equal((await plane.ask({ method: 'POST', path: PATHS.deployments, body: deployment() })).code, 201)
})
after(async () => {
  assertSound(plane)
  await plane[Symbol.asyncDispose]()
})

describe('Bodies', () => {
  const nested = (open: string, close: string) => open.repeat(10_000) + close.repeat(10_000)
  const cases: readonly [what: string, body: string | Buffer, code: number, message: RegExp][] = [
    ['cut off', '{"apiVersion":', 400, /json parse error: /],
    ['empty', '', 400, /json parse error: /],
    ['of 10,000 nested objects', nested('{"a":', '}').replace('{}', '{"a":1}'), 400, /exceeded max depth/],
    ['of 10,000 nested arrays', nested('[', ']'), 400, /exceeded max depth/],
    ['of binary', Buffer.from([0, 255, 254, 0, 123]), 400, /json parse error: /],
    ['over the limit', JSON.stringify(configMap('big', { a: 'x'.repeat(4 << 20) })), 413, /Request entity too large: limit is 3145728/],
    [
      'larger than a ConfigMap may be',
      JSON.stringify(configMap('big', { a: 'x'.repeat(2 << 20) })),
      422,
      /may not be more than 1048576 bytes/,
    ],
  ]
  for (const [what, body, code, message] of cases) {
    it(`${what} are refused with ${code}`, async () => {
      assertStatus(await plane.ask({ method: 'POST', path: PATHS.configMaps, body }), code, message)
    })
  }

  it('over the limit are refused also when their length is not told', async () => {
    const headers = { 'transfer-encoding': 'chunked' }
    assertStatus(await plane.ask({ method: 'POST', path: PATHS.configMaps, headers, body: 'x'.repeat(4 << 20) }), 413)
  })

  it('of YAML that would unfold without end are refused', async () => {
    const letters = [...'abcdefghijk']
    const lines = letters.map(
      (letter, i) =>
        `${letter}: &${letter} [${Array(9)
          .fill(i === 0 ? 'x' : `*${letters[i - 1]}`)
          .join(',')}]`,
    )
    const headers = { 'content-type': 'application/yaml' }
    assertStatus(
      await plane.ask({ method: 'POST', path: PATHS.configMaps, headers, body: lines.join('\n') }),
      400,
      /error converting YAML to JSON/,
    )
  })

  it('of protobuf that is none are refused with 400', async () => {
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' }
    for (const body of ['{}', '', 'k8s\0', 'k8s\0\xff\xff'])
      assertStatus(await plane.ask({ method: 'POST', path: PATHS.configMaps, headers, body }), 400)
  })

  for (const type of ['text/plain', 'application/xml', 'application/cbor', 'nonsense', ';;;']) {
    it(`of type ${type} are refused with 415`, async () => {
      assertStatus(await plane.ask({ method: 'POST', path: PATHS.configMaps, headers: { 'content-type': type }, body: '{}' }), 415)
    })
  }
})

describe('Patches', () => {
  const cases: readonly [type: string, body: string, code: number, message: RegExp][] = [
    ['json-patch', '{}', 400, /error decoding patch/],
    ['json-patch', '[1]', 400, /error decoding patch/],
    ['json-patch', '', 400, /json parse error/],
    ['json-patch', '[{"op":"explode","path":"/x"}]', 400, /error decoding patch/],
    ['json-patch', '[{"op":"add","path":"spec","value":1}]', 400, /invalid JSON pointer: "spec"/],
    ['json-patch', '[{"op":"add","path":"/spec/replicas"}]', 400, /has no value/],
    ['json-patch', '[{"op":"replace","path":"","value":null}]', 400, /must be of type Deployment/],
    ['json-patch', '[{"op":"replace","path":"/spec","value":5}]', 400, /cannot unmarshal number into Go struct field/],
    ['json-patch', '[{"op":"remove","path":"/nope/x"}]', 422, /the server rejected our request.* missing/],
    ['json-patch', '[{"op":"test","path":"/spec/replicas","value":7}]', 422, /testing value \/spec\/replicas failed/],
    ['json-patch', '[{"op":"add","path":"/__proto__/polluted","value":1}]', 422, /missing/],
    ['json-patch', '[{"op":"move","from":"/spec","path":"/spec/template"}]', 422, /into itself/],
    ['json-patch', JSON.stringify(Array(10_001).fill({ op: 'test', path: '/kind', value: 'Deployment' })), 413, /maximum operations/],
    ['json-patch', '[{"op":"copy","from":"/spec","path":"/metadata/annotations"}]', 400, /cannot unmarshal/],
    ['merge-patch', '[]', 400, /error decoding patch/],
    ['merge-patch', '{', 400, /json parse error/],
    ['merge-patch', '{"spec":{"replicas":"x"}}', 400, /cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas/],
    ['merge-patch', '{"spec":null}', 422, /spec.selector: Invalid value: "null": field is immutable/],
    ['merge-patch', '{"metadata":null}', 400, /name must be provided/],
    ['merge-patch', '{"metadata":{"name":"x"}}', 400, /does not match the name on the URL/],
    ['merge-patch', '{"metadata":{"resourceVersion":"1"}}', 409, /has been modified/],
    ['merge-patch', '{"metadata":{"resourceVersion":"x"}}', 422, /metadata.resourceVersion: Invalid value: "x"/],
    ['merge-patch', '{"kind":"Pod"}', 400, /Pod in version "v1" cannot be handled as a Deployment/],
    ['merge-patch', '{"spec":{"bogus":1}}', 422, /strict decoding error: unknown field "spec.bogus"/],
    ['merge-patch', '{"__proto__":{"polluted":1}}', 400, /__proto__/],
    [
      'strategic-merge-patch',
      '{"spec":{"template":{"spec":{"containers":[{"image":"x"}]}}}}',
      400,
      /does not contain declared merge key: name/,
    ],
    ['strategic-merge-patch', '{"spec":{"template":{"spec":{"containers":[{"$patch":"x","name":"c"}]}}}}', 400, /unknown patch type \[x\]/],
    ['strategic-merge-patch', '{"spec":{"template":{"spec":{"$setElementOrder/containers":5}}}}', 400, /must be a list/],
    ['strategic-merge-patch', '{"$patch":"delete"}', 400, /name must be provided/],
    ['strategic-merge-patch', '{"spec":"x"}', 400, /cannot unmarshal string/],
    ['apply-patch', '{}', 422, /fieldManager: Required value: is required for apply patch/],
    ['nonsense', '{}', 415, /accepted media types include: application\/json-patch\+json/],
  ]
  for (const [type, body, code, message] of cases) {
    it(`${type} ${body.slice(0, 80)} is refused with ${code}`, async () => {
      const headers = { 'content-type': `application/${type}+${type === 'apply-patch' ? 'yaml' : 'json'}` }
      const path = `${PATHS.deployments}/web?fieldValidation=Strict`
      assertStatus(await plane.ask({ method: 'PATCH', path, headers, body }), code, message)
    })
  }

  it('that were refused have changed nothing', async () => {
    const { json } = await plane.ask({ path: `${PATHS.deployments}/web` })
    assert.equal((json.metadata as { generation: number }).generation, 1)
  })
})

describe('Selectors', () => {
  const labels: readonly [selector: string, message: RegExp][] = [
    ['app in (', /found '', expected: ',', '\)' or identifier/],
    ['a=b=c', /found '=', expected: ',' or 'end of string'/],
    ['a b', /found 'b', expected: in, notin, =, ==, !=, gt, lt/],
    ['a in ()', /values set can't be empty/],
    ['a>x', /the value must be an integer/],
    ['-a=b', /name part must consist of alphanumeric characters/],
    [`a=${'x'.repeat(64)}`, /must be no more than 63 bytes/],
    ['('.repeat(5000), /found '\('/],
    ['a=\0', /a valid label must be/],
    ['💥', /name part must consist of/],
  ]
  for (const [selector, message] of labels) {
    it(`by label ${JSON.stringify(selector.slice(0, 40))} are refused`, async () => {
      assertStatus(await plane.ask({ path: `${PATHS.configMaps}?labelSelector=${encodeURIComponent(selector)}` }), 400, message)
      assertStatus(await plane.ask({ path: `${PATHS.configMaps}?watch=1&labelSelector=${encodeURIComponent(selector)}` }), 400, message)
    })
  }

  const fields: readonly [selector: string, message: RegExp][] = [
    ['metadata.name', /can't understand 'metadata.name'/],
    ['spec.nope=1', /"spec.nope" is not a known field selector/],
    ['metadata.name=a=b', /unescaped character in value: =/],
    ['metadata.name=a\\', /invalid escape sequence/],
    ['__proto__=x', /not a known field selector/],
    ['constructor=x', /not a known field selector/],
  ]
  for (const [selector, message] of fields) {
    it(`by field ${JSON.stringify(selector)} are refused`, async () => {
      assertStatus(await plane.ask({ path: `${PATHS.configMaps}?fieldSelector=${encodeURIComponent(selector)}` }), 400, message)
      assertStatus(await plane.ask({ path: `${PATHS.configMaps}?watch=1&fieldSelector=${encodeURIComponent(selector)}` }), 400, message)
    })
  }

  it('of thousands of terms are answered', async () => {
    const selector = Array.from({ length: 900 }, (_, i) => `l${i}!=x`).join(',')
    assert.equal((await plane.ask({ path: `${PATHS.configMaps}?labelSelector=${encodeURIComponent(selector)}` })).code, 200)
  })
})

describe('Queries', () => {
  const token = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const cases: readonly [query: string, code: number, message: RegExp][] = [
    ['resourceVersion=abc', 422, /resourceVersion: Invalid value: "abc"/],
    ['resourceVersion=-1', 422, /resourceVersion: Invalid value: "-1"/],
    ['resourceVersion=9'.padEnd(60, '9'), 422, /resourceVersion: Invalid value/],
    ['resourceVersion=99999999', 504, /Too large resource version: 99999999, current: \d+/],
    ['resourceVersionMatch=Exact', 422, /forbidden unless resourceVersion is provided/],
    ['resourceVersion=0&resourceVersionMatch=Exact', 422, /forbidden for resourceVersion "0"/],
    ['resourceVersion=5&resourceVersionMatch=Best', 422, /Unsupported value: "Best"/],
    ['limit=-1', 400, /parsing "-1"/],
    ['limit=1e3', 400, /parsing "1e3"/],
    ['continue=abc', 400, /continue key is not valid/],
    [`continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: '../../secrets/' })}`, 400, /continue key is not valid/],
    [`continue=${token({ v: 'meta.k8s.io/v1', rv: 5, start: 'x' })}&resourceVersion=5`, 400, /not allowed when using continue/],
    [`continue=${token({ v: 'meta.k8s.io/v1', rv: 99999999, start: 'x' })}`, 400, /lies in the future/],
    ['watch=1&timeoutSeconds=soon', 400, /parsing "soon"/],
    ['watch=1&resourceVersion=x', 422, /resourceVersion: Invalid value: "x"/],
    ['watch=1&sendInitialEvents=true', 422, /sendInitialEvents requires/],
    ['includeObject=Everything', 400, /unrecognized includeObject value/],
  ]
  for (const [query, code, message] of cases) {
    it(`${query.slice(0, 60)} is refused with ${code}`, async () => {
      assertStatus(await plane.ask({ path: `${PATHS.configMaps}?${query}` }), code, message)
    })
  }

  for (const query of ['%', 'a=%zz', '=', '&&&', 'watch', 'labelSelector=', '\u00e4=\u00f6', '__proto__=x']) {
    it(`?${query} does no harm`, async () => {
      const answer = await plane.ask({ path: `${PATHS.configMaps}?${encodeURI(query)}&timeoutSeconds=1` })
      assert.ok(answer.code < 500, answer.text)
    })
  }

  for (const query of ['dryRun=Some', 'fieldManager=%00', `fieldManager=${'x'.repeat(129)}`]) {
    it(`?${query.slice(0, 30)} is refused for writes`, async () => {
      assertStatus(await plane.ask({ method: 'POST', path: `${PATHS.configMaps}?${query}`, body: configMap('never') }), 422)
    })
  }
})

describe('Paths', () => {
  const names = ['..%2f..%2fsecrets', '..', '%2e%2e', 'a%2fb', '%00', 'a%00b', '__proto__', 'constructor', '%20', 'x'.repeat(300), '.']
  for (const name of names) {
    it(`to the name ${name.slice(0, 30)} lead nowhere`, async () => {
      const path = `${PATHS.configMaps}/${name}`
      assertStatus(await plane.ask({ path }), 404)
      assertStatus(await plane.ask({ method: 'DELETE', path }), 404)
      assertStatus(await plane.ask({ method: 'PUT', path, body: configMap('x') }), 404)
    })
  }

  for (const path of ['/%', '/api/v1/%zz', '/api/v1/namespaces/%ff%fe/pods']) {
    it(`${path} cannot be read`, async () => {
      assertStatus(await plane.ask({ path }), 400)
    })
  }

  const nowhere = [
    '/nope',
    '/api/v2',
    '/api/v1/nope',
    '/apis/__proto__/v1/x',
    '/apis/constructor',
    '//api/v1',
    '/openapi/v3/__proto__',
    '/davit/v1/nope',
  ]
  for (const path of [...nowhere, '/api/v1/namespaces/default/configmaps/x/y/z', '/api/v1/namespaces//pods', '*']) {
    it(`${path} leads nowhere`, async () => {
      assertStatus(await plane.ask({ path }), 404, 'the server could not find the requested resource')
    })
  }

  it('with another namespace inside show nothing of it', async () => {
    const { json } = await plane.ask({ path: '/api/v1/namespaces/default%2f..%2fkube-system/services' })
    assert.deepEqual(json.items ?? [], [])
  })

  for (const method of ['TRACE', 'OPTIONS', 'PROPFIND', 'PURGE']) {
    it(`take no ${method}`, async () => {
      assertStatus(await plane.ask({ method, path: PATHS.configMaps }), 405)
    })
  }
})

describe('Deletions and pod subresources', () => {
  const pod = `${PATHS.pods}/lone`
  before(async () => {
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'lone' },
      spec: { terminationGracePeriodSeconds: 9e15, containers: [{ name: 'main', image: 'x' }] },
    }
    assert.equal((await plane.ask({ method: 'POST', path: PATHS.pods, body })).code, 201)
  })

  const cases: readonly [ask: Ask, code: number, message: RegExp][] = [
    [{ method: 'DELETE', path: pod, body: { gracePeriodSeconds: 'x' } }, 400, /gracePeriodSeconds/],
    [{ method: 'DELETE', path: pod, body: { propagationPolicy: 'x' } }, 422, /Unsupported value: "x": supported values: "Foreground"/],
    [{ method: 'DELETE', path: pod, body: { preconditions: { uid: 'x' } } }, 409, /UID in precondition: x/],
    [{ method: 'DELETE', path: pod, body: '[]' }, 400, /DeleteOptions/],
    [{ method: 'DELETE', path: `${pod}?gracePeriodSeconds=x` }, 400, /parsing "x"/],
    [{ method: 'POST', path: `${pod}/binding`, body: {} }, 422, /target.name: Required value/],
    [{ method: 'POST', path: `${pod}/binding`, body: { target: 5 } }, 400, /cannot unmarshal number into Go struct field Binding.target/],
    [{ method: 'POST', path: `${pod}/binding`, body: { target: { name: '../x' } } }, 422, /target.name: Invalid value: "..\/x"/],
    [
      { method: 'POST', path: `${pod}/binding`, body: { metadata: { annotations: { a: 1 } }, target: { name: 'n' } } },
      400,
      /metadata.annotations/,
    ],
    [{ method: 'POST', path: `${pod}/eviction`, body: { deleteOptions: 5 } }, 400, /Eviction.deleteOptions/],
    [{ method: 'POST', path: `${pod}/eviction`, body: { deleteOptions: { dryRun: ['x'] } } }, 422, /dryRun: Unsupported value: "x"/],
    [{ method: 'PUT', path: `${pod}/status`, body: { metadata: { name: 'lone' }, status: 'fine' } }, 400, /cannot unmarshal string/],
    [{ path: `${pod}/exec` }, 400, /Upgrade request required/],
    [{ path: `${pod}/nope` }, 404, /could not find/],
    [{ path: `${pod}/__proto__` }, 404, /could not find/],
    [{ method: 'POST', path: '/davit/v1/drain', body: { pod: 5 } }, 400, /drain request/],
  ]
  for (const [ask, code, message] of cases) {
    it(`${ask.method ?? 'GET'} ${ask.path.slice(PATHS.pods.length)} ${JSON.stringify(ask.body ?? '')} is refused with ${code}`, async () => {
      assertStatus(await plane.ask(ask), code, message)
    })
  }

  it('a grace beyond all times is cut to one that can be written down', async () => {
    // A pod on a node that is not there would be cleared away.
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'somewhere' } }
    assert.equal((await plane.ask({ method: 'POST', path: '/api/v1/nodes', body: node })).code, 201)
    const bound = await plane.ask({ method: 'POST', path: `${pod}/binding`, body: { target: { name: 'somewhere' } } })
    assert.equal(bound.code, 201, bound.text)
    const { code, json, text } = await plane.ask({ method: 'DELETE', path: pod })
    assert.equal(code, 200, text)
    assert.equal((json.metadata as { deletionGracePeriodSeconds: number }).deletionGracePeriodSeconds, 2 ** 31 - 1)
    await plane.ask({ method: 'DELETE', path: pod, body: { gracePeriodSeconds: 0 } })
  })
})

describe('Objects beyond all measure', () => {
  const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
  const pod = (metadata: object, spec: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'vast', ...metadata },
    spec: { containers: [{ name: 'main', image: 'x' }], ...spec },
  })
  const post = (path: string, body: unknown, headers = {}) => plane.ask({ method: 'POST', path: `${path}?dryRun=All`, body, headers })

  it('are answered in time, with an answer of some measure', async () => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'x', controller: true }
    const owners = await post(PATHS.pods, pod({ ownerReferences: many(5000, i => ({ ...owner, uid: String(i) })) }))
    assertStatus(owners, 422, /Only one reference can have Controller set to true/)

    const containers = await post(PATHS.pods, pod({}, { containers: many(5000, () => ({ name: 'same', image: 'x' })) }))
    assertStatus(containers, 422, /spec\.containers\[1\]\.name: Duplicate value: "same"/)
    assert.equal((containers.json.details as { causes: unknown[] }).causes.length, 100)

    const unknown = await post(PATHS.pods, pod({}, Object.fromEntries(many(5000, i => [`u${i}`, 1]))))
    assert.equal(unknown.code, 201)
    assert.ok(String(unknown.headers.warning).length < 10_000)
  })

  it('as YAML are answered in time, too', async () => {
    const lines = many(10_000, i => `k${i}: 1`).join('\n')
    assertStatus(await post(PATHS.configMaps, lines, { 'content-type': 'application/yaml' }), 422)
    const repeated = 'metadata:\n  name: a\n  name: b\n'
    assertStatus(await post(PATHS.configMaps, repeated, { 'content-type': 'application/yaml' }), 400, /key "name" already set in map/)
  })

  it('cannot take all node ports', async () => {
    const ports = many(200, i => ({ name: `p${i}`, port: i + 1 }))
    const body = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'greedy' }, spec: { type: 'NodePort', ports } }
    assertStatus(
      await plane.ask({ method: 'POST', path: PATHS.services, body }),
      422,
      /spec\.ports: Too many: 200: must have at most 60 items/,
    )
    const modest = { ...body, spec: { type: 'NodePort', ports: ports.slice(0, 60) } }
    assert.equal((await plane.ask({ method: 'POST', path: PATHS.services, body: modest })).code, 201)
    const others = ports.slice(60, 120).map((port, i) => ({ ...port, nodePort: 32_000 + i }))
    const moved = { ...body, spec: { type: 'NodePort', ports: others } }
    const answer = await plane.ask({ method: 'PUT', path: `${PATHS.services}/greedy`, body: moved })
    assert.equal(answer.code, 200, answer.text)
    assert.equal((await plane.ask({ method: 'DELETE', path: `${PATHS.services}/greedy` })).code, 200)
  })
})
