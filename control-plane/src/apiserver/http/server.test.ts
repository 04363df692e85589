import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { deploymentKind, forbidden, type Kind, namespaceKind, nodeKind, PATHS, podKind, systemClock, unavailable } from '@davit/api'
import { loadOrCreatePki } from '@davit/api/pki'
import { callOver, startTestServer, type TestServer } from './testing/test-server.ts'

const KINDS = [podKind, nodeKind, namespaceKind, deploymentKind] as unknown as Kind[]
const PODS = podKind as unknown as Kind
const JSON_TYPE = { 'content-type': 'application/json' }

const pod = (name: string, extra: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { containers: [{ name: 'c', image: 'i' }] },
  ...extra,
})

describe('the API server', () => {
  let test: TestServer
  before(async () => {
    test = await startTestServer(KINDS)
  })
  after(() => test[Symbol.asyncDispose]())

  it('gives one object as stored', async () => {
    const stored = test.registry.put(PODS, pod('one'))
    const answer = await test.call('GET', '/api/v1/namespaces/default/pods/one')
    assert.equal(answer.code, 200)
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.deepEqual(answer.bytes, stored.bytes)
  })

  it('creates with 201, warnings and the options of the query', async () => {
    const path = '/api/v1/namespaces/default/pods?dryRun=All&fieldManager=me&fieldValidation=Strict'
    const answer = await test.call('POST', path, { headers: JSON_TYPE, body: JSON.stringify(pod('made')) })
    assert.equal(answer.code, 201)
    assert.equal(answer.headers.warning, '299 - "stored \\"made\\""')
    const { dryRun, fieldManager, fieldValidation, user } = test.registry.contexts.at(-1)!
    assert.deepEqual(
      { dryRun, fieldManager, fieldValidation, name: user.name },
      { dryRun: true, fieldManager: 'me', fieldValidation: 'Strict', name: 'kubernetes-admin' },
    )
  })

  it('takes a body without Content-Type as JSON, and YAML as YAML', async () => {
    const bare = await test.call('POST', '/api/v1/namespaces/default/pods', { body: JSON.stringify(pod('bare')) })
    assert.equal(bare.code, 201)
    const yaml = await test.call('POST', '/api/v1/namespaces/default/pods', {
      headers: { 'content-type': 'application/yaml' },
      body: 'kind: Pod\napiVersion: v1\nmetadata:\n  name: from-yaml\n',
    })
    assert.equal(yaml.json.metadata.name, 'from-yaml')
  })

  it('answers a deletion with Success when the object is gone and with the object while it ends', async () => {
    test.registry.put(PODS, pod('ending'))
    const path = '/api/v1/namespaces/default/pods/ending'
    assert.equal((await test.call('DELETE', path)).json.kind, 'Pod')
    const gone = await test.call('DELETE', path, { headers: JSON_TYPE, body: '{"gracePeriodSeconds":0}' })
    assert.deepEqual(gone.json, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'ending', kind: 'pods', uid: 'u' },
    })
  })

  const refusals: [string, string, number, string, { headers?: Record<string, string>; body?: string }?][] = [
    ['an unknown path', 'GET /nope', 404, 'NotFound'],
    ['an unknown resource', 'GET /api/v1/foos', 404, 'NotFound'],
    ['an unknown subresource', 'GET /api/v1/namespaces/default/pods/a/scale', 404, 'NotFound'],
    ['a namespaced object outside a namespace', 'GET /api/v1/pods/a', 404, 'NotFound'],
    ['a cluster object inside a namespace', 'GET /api/v1/namespaces/default/nodes', 404, 'NotFound'],
    ['a method a collection lacks', 'PUT /api/v1/namespaces/default/pods', 405, 'MethodNotAllowed'],
    ['a create in no namespace', 'POST /api/v1/pods', 405, 'MethodNotAllowed'],
    ['a method nobody knows', 'BREW /api/v1/pods', 405, 'MethodNotAllowed'],
    ['a broken escape', 'GET /api/v1/namespaces/default/pods/%zz', 400, 'BadRequest'],
    ['invalid JSON', 'POST /api/v1/namespaces/default/pods', 400, 'BadRequest', { body: '{' }],
    ['JSON nested too deep', 'POST /api/v1/namespaces/default/pods', 400, 'BadRequest', { body: '['.repeat(5000) }],
    ['JSON of too many parts', 'POST /api/v1/namespaces/default/pods', 400, 'BadRequest', { body: `[${'{},'.repeat(300_000)}{}]` }],
    ['a key that reaches prototypes', 'POST /api/v1/namespaces/default/pods', 400, 'BadRequest', { body: '{"\\u005f_proto__":{}}' }],
    [
      'a strange media type',
      'POST /api/v1/namespaces/default/pods',
      415,
      'UnsupportedMediaType',
      { headers: { 'content-type': 'text/csv' }, body: 'a' },
    ],
    [
      'a media type that is none',
      'POST /api/v1/namespaces/default/pods',
      415,
      'UnsupportedMediaType',
      { headers: { 'content-type': ';;' }, body: 'a' },
    ],
    [
      'server-side apply by nobody',
      'PATCH /api/v1/namespaces/default/pods/a',
      422,
      'Invalid',
      { headers: { 'content-type': 'application/apply-patch+yaml' }, body: '{}' },
    ],
    [
      'force of what is no apply',
      'PATCH /api/v1/namespaces/default/pods/a?force=true',
      422,
      'Invalid',
      { headers: { 'content-type': 'application/merge-patch+json' }, body: '{}' },
    ],
    [
      'a JSON patch that is no list',
      'PATCH /api/v1/namespaces/default/pods/a',
      400,
      'BadRequest',
      { headers: { 'content-type': 'application/json-patch+json' }, body: '{}' },
    ],
    ['an answer nobody can give', 'GET /api/v1/pods', 406, 'NotAcceptable', { headers: { accept: 'text/html' } }],
    ['an unknown dryRun', 'POST /api/v1/namespaces/default/pods?dryRun=Some', 422, 'Invalid', { body: '{}' }],
    ['an unknown propagation policy', 'DELETE /api/v1/namespaces/default/pods/a?propagationPolicy=Some', 422, 'Invalid'],
    ['a limit that is no number', 'GET /api/v1/pods?limit=many', 400, 'BadRequest'],
    ['sendInitialEvents by itself', 'GET /api/v1/pods?watch=1&sendInitialEvents=true', 422, 'Invalid'],
    ['exec without an upgrade', 'POST /api/v1/namespaces/default/pods/a/exec', 400, 'BadRequest'],
  ]
  for (const [what, request, code, reason, options] of refusals) {
    it(`refuses ${what} with ${code} ${reason}`, async () => {
      const [method = '', path = ''] = request.split(' ')
      const answer = await test.call(method, path, options)
      assert.equal(answer.code, code, answer.text)
      assert.equal(answer.json.kind, 'Status')
      assert.equal(answer.json.reason, reason)
    })
  }

  it('refuses a body over the limit, announced or not', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024 + 1, 'a')
    const path = '/api/v1/namespaces/default/pods'
    assert.equal((await test.call('POST', path, { headers: { 'content-length': String(body.length) }, body })).code, 413)
    assert.equal((await test.call('POST', path, { body })).code, 413)
  })

  it('answers what fails unexpectedly with 500 and says nothing of it', async () => {
    test.registry.failNext(new Error('secret detail'))
    const answer = await test.call('GET', '/api/v1/pods')
    assert.equal(answer.code, 500)
    assert.doesNotMatch(answer.text, /secret/)
  })

  it('tells clients when to try again', async () => {
    test.registry.failNext(unavailable('etcd is away', 7))
    const answer = await test.call('GET', '/api/v1/pods')
    assert.equal(answer.code, 503)
    assert.equal(answer.headers['retry-after'], '7')
  })

  it('lets anonymous requests reach nothing but health, version and join', async () => {
    const as = 'anonymous' as const
    for (const path of ['/healthz', '/livez', '/readyz', '/version']) assert.equal((await test.call('GET', path, { as })).code, 200, path)
    for (const path of ['/', '/api', '/apis', '/metrics', '/openapi/v3', '/davit/v1/cluster', '/api/v1/pods', '/nope']) {
      assert.equal((await test.call('GET', path, { as })).code, 403, path)
    }
    const joined = await test.call('POST', '/davit/v1/join', {
      as,
      headers: { authorization: 'Bearer abcdef.0123456789abcdef' },
      body: '{"nodeName":"n","certificateRequest":"r"}',
    })
    assert.equal(joined.json.certificate, 'n abcdef.0123456789abcdef 127.0.0.1')
    const guessed = await test.call('GET', '/api/v1/pods', { as, headers: { authorization: 'Bearer x' } })
    assert.equal(guessed.code, 401)
  })

  it('refuses a certificate of another CA', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'davit-http-'))
    const other = await loadOrCreatePki({ dir: directory, serverNames: [], clock: systemClock })
    await rm(directory, { recursive: true })
    const session = test.session({ cert: other.admin.certificate, key: other.admin.key })
    const answer = await callOver(session, { method: 'GET', path: '/version', headers: {}, body: undefined })
    session.destroy()
    assert.equal(answer.code, 401)
    assert.equal(answer.json.reason, 'Unauthorized')
  })

  it('acts as another user when the admin asks for it', async () => {
    const answer = await test.call('GET', '/api/v1/pods', { headers: { 'impersonate-user': 'bob' } })
    assert.equal(answer.code, 403)
    assert.match(answer.json.message, /User "bob" cannot list resource "pods"/)
  })

  it("acts with the groups of a ServiceAccount when the name is one's, and no longer name", async () => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
    const groupsOf = async (user: string) => {
      const request = { headers: { ...JSON_TYPE, 'impersonate-user': user }, body: JSON.stringify(review) }
      return (await test.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', request)).json.status.userInfo.groups
    }
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated']
    assert.deepEqual(await groupsOf('system:serviceaccount:a:b'), groups)
    assert.deepEqual(await groupsOf('system:serviceaccount:a:b:c'), ['system:authenticated'])
  })

  it('judges the fields of an access review one by one, whatever stands in a value', async () => {
    const isAllowed = async (...requirements: { key: string; operator: string; values: string[] }[]) => {
      const spec = {
        user: 'system:node:n1',
        groups: ['system:nodes'],
        resourceAttributes: { verb: 'list', resource: 'pods', fieldSelector: { requirements } },
      }
      const body = JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec })
      return (await test.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', { headers: JSON_TYPE, body })).json.status
        .allowed
    }
    assert.equal(await isAllowed({ key: 'spec.nodeName', operator: 'In', values: ['n1'] }), true)
    assert.equal(await isAllowed({ key: 'metadata.name', operator: 'In', values: ['x,spec.nodeName=n1'] }), false)
  })

  it('reads no long body of a stranger, and none that takes its time', async () => {
    const [yaml, long] = [{ 'content-type': 'application/yaml' }, '- a\n'.repeat(10_000)]
    const join = (headers: Record<string, string>, body: string) =>
      test.call('POST', PATHS.join, { as: 'anonymous', headers: { authorization: 'Bearer abcdef.0123456789abcdef', ...headers }, body })
    assert.equal((await join(JSON_TYPE, `"${long}"`)).code, 413)
    assert.equal((await join(yaml, 'nodeName: a\ncertificateRequest: b\n')).code, 400)
    assert.equal((await join(JSON_TYPE, '{"nodeName":"a","certificateRequest":"b"}')).code, 200)
    const review = (headers: Record<string, string>) =>
      test.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        headers: { ...yaml, ...headers },
        body: `apiVersion: authentication.k8s.io/v1\nkind: SelfSubjectReview\n# ${'x'.repeat(40_000)}\n`,
      })
    assert.equal((await review({})).code, 201)
    assert.equal((await review({ 'impersonate-user': 'system:serviceaccount:a:b' })).code, 413)
    // Whom no role lets write is refused before anything is read.
    const write = await test.call('POST', '/api/v1/namespaces/a/pods', {
      headers: { ...yaml, 'impersonate-user': 'system:serviceaccount:a:b' },
      body: `# ${'x'.repeat(2_000_000)}\n`,
    })
    assert.equal(write.code, 403)
  })

  it('serves a watch as lines that come as things happen, and ends it in time', async () => {
    const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
    const stream = session.request({ ':path': '/api/v1/namespaces/watched/pods?watch=true&timeoutSeconds=1' })
    const [head] = (await once(stream, 'response')) as [Record<string, unknown>]
    assert.equal(head[':status'], 200)
    test.registry.put(PODS, { ...pod('seen'), metadata: { name: 'seen', namespace: 'watched' } })
    const lines: string[] = []
    for await (const line of createInterface({ input: stream })) lines.push(line)
    session.destroy()
    assert.equal(JSON.parse(lines[0]!).type, 'ADDED')
    assert.equal(JSON.parse(lines[0]!).object.metadata.name, 'seen')
  })

  it('stops a watch in the registry when the client goes away', async () => {
    const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
    const stream = session.request({ ':path': '/api/v1/pods?watch=true' })
    await once(stream, 'response')
    const { signal } = test.registry.contexts.at(-1)!
    stream.close()
    session.destroy()
    if (!signal!.aborted) await once(signal!, 'abort')
  })

  it('serves HTTP/1.1 on the same port, with a watch in chunks', async () => {
    const { certificate: cert, key } = test.pki.admin
    const request = httpsRequest({
      port: test.server.port,
      host: '127.0.0.1',
      path: '/api/v1/pods?watch=1&timeoutSeconds=1',
      ca: test.pki.ca.certificate,
      cert,
      key,
    })
    request.end()
    const [response] = await once(request, 'response')
    assert.equal(response.httpVersion, '1.1')
    assert.equal(response.headers['transfer-encoding'], 'chunked')
    response.resume()
    await once(response, 'end')
  })

  it('hands an upgraded connection to the streams room after checking who asks', async () => {
    const upgrade = async (credentials: object) => {
      const request = httpsRequest({
        ...credentials,
        port: test.server.port,
        host: '127.0.0.1',
        method: 'POST',
        path: '/api/v1/namespaces/default/pods/a/exec?command=ls',
        ca: test.pki.ca.certificate,
        headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
      })
      request.end()
      return Promise.race([
        once(request, 'upgrade').then(([response, socket, head]) => {
          socket.destroy()
          return { code: response.statusCode, text: String(head) }
        }),
        once(request, 'response').then(([response]) => {
          response.resume()
          return { code: response.statusCode, text: '' }
        }),
      ])
    }
    const { certificate: cert, key } = test.pki.admin
    assert.equal((await upgrade({ cert, key })).code, 101)
    assert.equal((await upgrade({})).code, 403)
    // Admission, too, may have something against it.
    test.registry.failNext(forbidden(PODS, 'a', 'attaching is not allowed'))
    assert.equal((await upgrade({ cert, key })).code, 403)
  })

  it('streams a list longer than a slice, whole and compressed when wanted', async () => {
    for (let i = 0; i < 1201; i++) test.registry.put(PODS, { ...pod(`p${i}`), metadata: { name: `p${i}`, namespace: 'many' } })
    const plain = await test.call('GET', '/api/v1/namespaces/many/pods')
    assert.equal(plain.json.items.length, 1201)
    assert.equal(plain.json.kind, 'PodList')
    const zipped = await test.call('GET', '/api/v1/namespaces/many/pods', { headers: { 'accept-encoding': 'gzip' } })
    assert.equal(zipped.headers['content-encoding'], 'gzip')
    assert.deepEqual(JSON.parse(gunzipSync(zipped.bytes).toString()), plain.json)
    const table = await test.call('GET', '/api/v1/namespaces/many/pods', {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    })
    assert.equal(table.json.rows.length, 1201)
    assert.equal(table.json.rows[0].object.kind, 'PartialObjectMetadata')
    assert.equal(table.json.columnDefinitions[0].name, 'Name')
  })

  it('indents for people', async () => {
    test.registry.put(PODS, pod('pretty'))
    const answer = await test.call('GET', '/api/v1/namespaces/default/pods/pretty', { headers: { 'user-agent': 'curl/8.0' } })
    assert.match(answer.text, /^\{\n {2}"apiVersion": "v1"/)
  })

  it('refuses in the form that is asked for', async () => {
    const ask = (headers: Record<string, string>, query = '') =>
      test.call('GET', `/api/v1/namespaces/default/pods/nope${query}`, { headers })
    const yaml = await ask({ accept: 'application/yaml' })
    assert.equal(yaml.headers['content-type'], 'application/yaml')
    assert.match(yaml.text, /^kind: Status$/m)
    assert.match((await ask({ 'user-agent': 'curl/8.0' })).text, /^\{\n {2}"/)
    assert.match((await ask({}, '?pretty=true')).text, /^\{\n {2}"/)
    assert.match((await ask({ accept: 'text/html' })).text, /^\{"/)
  })

  it('answers in YAML, and compresses from 128 KiB on', async () => {
    test.registry.put(PODS, {
      ...pod('large'),
      metadata: { name: 'large', namespace: 'default', annotations: { a: 'x'.repeat(128 * 1024) } },
    })
    const yaml = await test.call('GET', '/api/v1/namespaces/default/pods/large', { headers: { accept: 'application/yaml' } })
    assert.equal(yaml.headers['content-type'], 'application/yaml')
    assert.match(yaml.text, /^ {2}name: large$/m)
    const headers = { 'accept-encoding': 'gzip' }
    const zipped = await test.call('GET', '/api/v1/namespaces/default/pods/large', { headers })
    assert.equal(zipped.headers['content-encoding'], 'gzip')
    assert.equal(JSON.parse(gunzipSync(zipped.bytes).toString()).metadata.name, 'large')
    test.registry.put(PODS, pod('small'))
    assert.equal((await test.call('GET', '/api/v1/namespaces/default/pods/small', { headers })).headers['content-encoding'], undefined)
  })

  it('counts requests by what is served, never by what is asked', async () => {
    await test.call('GET', '/api/v1/made-up')
    const { text } = await test.call('GET', '/metrics')
    assert.match(text, /apiserver_request_total\{verb="LIST",group="",version="v1",resource="pods"/)
    assert.doesNotMatch(text, /made-up/)
  })
})

it('the API server fails readiness and ends watches once its shutdown begins', async () => {
  const test = await startTestServer(KINDS)
  const session = test.session({ cert: test.pki.admin.certificate, key: test.pki.admin.key })
  const stream = session.request({ ':path': '/api/v1/pods?watch=true' })
  await once(stream, 'response')
  stream.resume()
  test.server.beginShutdown()
  await once(stream, 'end')
  const ready = await test.call('GET', '/readyz?verbose')
  assert.equal(ready.code, 500)
  assert.match(ready.text, /\[-\]shutdown failed: process is shutting down/)
  session.destroy()
  await test[Symbol.asyncDispose]()
})
