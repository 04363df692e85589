import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { KINDS } from '@davit/api'
import { startTestServer, type TestServer } from '../testing/test-server.ts'

const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'

describe('what clients ask first', () => {
  let test: TestServer
  before(async () => {
    test = await startTestServer(KINDS)
  })
  after(() => test[Symbol.asyncDispose]())
  const get = (path: string, headers: Record<string, string> = {}) => test.call('GET', path, { headers })

  it('names OpenAPI documents by their content, which may then be kept for ever', async () => {
    const { json } = await get('/openapi/v3')
    const { serverRelativeURL } = json.paths['apis/apps/v1']
    const named = await get(serverRelativeURL)
    assert.equal(named.headers['cache-control'], 'public, immutable, max-age=31536000')
    assert.equal(named.json.openapi, '3.0.0')
    const plain = await get('/openapi/v3/apis/apps/v1')
    assert.equal(plain.headers['cache-control'], 'no-cache, private')
    const again = await get('/openapi/v3/apis/apps/v1', { 'if-none-match': String(plain.headers.etag) })
    assert.deepEqual([again.code, again.text], [304, ''])
    assert.equal((await get('/openapi/v3/apis/nope/v1')).code, 404)
  })

  it('gives version 2 of OpenAPI in JSON, and to old kubectl an empty document in protobuf', async () => {
    for (const accept of ['application/json', '*/*', 'application/json;q=0.5,text/html']) {
      const { json, headers } = await get('/openapi/v2', { accept })
      assert.equal(headers['content-type'], 'application/json')
      assert.equal(json.swagger, '2.0')
      assert.ok(json.definitions['io.k8s.api.apps.v1.Deployment'])
    }
    const protobuf = await get('/openapi/v2', { accept: V2_PROTOBUF })
    assert.deepEqual([protobuf.code, protobuf.bytes.length], [200, 0])
    assert.equal((await get('/openapi/v2', { accept: 'text/html' })).code, 406)
    const zipped = await get('/openapi/v2', { 'accept-encoding': 'gzip' })
    assert.equal(JSON.parse(gunzipSync(zipped.bytes).toString()).swagger, '2.0')
    assert.equal((await get('/openapi/v2', { 'if-none-match': String(zipped.headers.etag) })).code, 304)
  })

  it('gives aggregated discovery to those who know it, once', async () => {
    for (const path of ['/api', '/apis']) {
      for (const version of ['v2', 'v2beta1']) {
        const accept = AGGREGATED.replace('v=v2', `v=${version}`)
        const first = await get(path, { accept: `${accept},application/json` })
        assert.equal(first.headers['content-type'], accept)
        assert.equal(first.json.apiVersion, `apidiscovery.k8s.io/${version}`)
        const again = await get(path, { accept, 'if-none-match': String(first.headers.etag) })
        assert.deepEqual([again.code, again.text], [304, ''])
      }
      const plain = await get(path, { accept: `application/json,${AGGREGATED}` })
      assert.match(plain.json.kind, /^API(Versions|GroupList)$/)
    }
    assert.equal((await get('/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList' })).code, 406)
  })

  it('tells of every group what its list of groups says', async () => {
    const { json } = await get('/apis')
    for (const { name, preferredVersion, versions } of json.groups) {
      assert.deepEqual((await get(`/apis/${name}`)).json.preferredVersion, preferredVersion)
      for (const { groupVersion } of versions) {
        const list = (await get(`/apis/${groupVersion}`)).json
        assert.equal(list.groupVersion, groupVersion)
        assert.ok(list.resources.length > 0)
      }
    }
  })
})
