/** What the wire has of its own for kinds that users define. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { customKindsOf, type Kind, podKind } from '@davit/api'
import { startTestServer, type TestServer } from './testing/test-server.ts'

const NAMES = { plural: 'widgets', kind: 'Widget', listKind: 'Widgets', shortNames: ['wg'] }
const schema = {
  openAPIV3Schema: {
    type: 'object',
    description: 'A widget.',
    properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } },
  },
}
const [WIDGETS] = customKindsOf({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.shop.example.com' },
  spec: {
    group: 'shop.example.com',
    names: NAMES,
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        deprecated: true,
        schema,
        additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a' }],
      },
    ],
  },
  status: { acceptedNames: NAMES },
}) as [Kind]
const PATH = '/apis/shop.example.com/v1/namespaces/default/widgets'
const widget = { apiVersion: 'shop.example.com/v1', kind: 'Widget', metadata: { name: 'a', namespace: 'default' } }

describe('kinds that users define, on the wire', () => {
  let test: TestServer
  before(async () => {
    test = await startTestServer([podKind as unknown as Kind])
    test.registry.kinds.define('widgets.shop.example.com', [WIDGETS])
    test.registry.put(WIDGETS, widget)
  })
  after(() => test[Symbol.asyncDispose]())

  it('are lists of the name they have, and tables that show nothing as nothing', async () => {
    assert.equal((await test.call('GET', PATH)).json.kind, 'Widgets')
    const accept = 'application/json;as=Table;g=meta.k8s.io;v=v1'
    const { json } = await test.call('GET', PATH, { headers: { accept } })
    assert.deepEqual(json.rows[0].cells, ['a', null])
  })

  it('take no strategic merge patch and no protobuf', async () => {
    const strategic = await test.call('PATCH', `${PATH}/a`, {
      headers: { 'content-type': 'application/strategic-merge-patch+json' },
      body: '{}',
    })
    assert.equal(strategic.code, 415)
    assert.match(strategic.json.message, /accepted media types include: application\/json-patch\+json, application\/merge-patch\+json/)
    assert.equal(
      (await test.call('PATCH', `${PATH}/a`, { headers: { 'content-type': 'application/merge-patch+json' }, body: '{}' })).code,
      200,
    )
    const headers = { 'content-type': 'application/vnd.kubernetes.protobuf' }
    assert.equal((await test.call('POST', PATH, { headers, body: Buffer.from('k8s\0') })).code, 415)
  })

  it('warn of a deprecated version, whatever is asked of it', async () => {
    const warning = '299 - "shop.example.com/v1 Widget is deprecated"'
    assert.equal((await test.call('GET', `${PATH}/a`)).headers.warning, warning)
    const body = JSON.stringify({ ...widget, metadata: { name: 'b' } })
    const made = await test.call('POST', PATH, { headers: { 'content-type': 'application/json' }, body })
    assert.match(String(made.headers.warning), /Widget is deprecated/)
  })

  it('are in discovery and OpenAPI as long as they are served', async () => {
    const groups = async () => (await test.call('GET', '/apis')).json.groups.map(({ name }: { name: string }) => name)
    const paths = async () => Object.keys((await test.call('GET', '/openapi/v3')).json.paths)
    assert.ok((await groups()).includes('shop.example.com'))
    const { json } = await test.call('GET', '/openapi/v3/apis/shop.example.com/v1')
    const component = json.components.schemas['com.example.shop.v1.Widget']
    assert.equal(component.description, 'A widget.')
    assert.deepEqual(component['x-kubernetes-group-version-kind'], [{ group: 'shop.example.com', kind: 'Widget', version: 'v1' }])
    assert.deepEqual(component.properties.spec, { type: 'object', properties: { a: { type: 'string' } } })
    assert.ok(json.components.schemas['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'])
    const patch = json.paths[`${PATH.replace('default', '{namespace}')}/{name}`].patch.requestBody.content
    assert.ok(!Object.keys(patch).some(type => type.includes('strategic')))
    const { definitions } = (await test.call('GET', '/openapi/v2', { headers: { accept: 'application/json' } })).json
    assert.ok(definitions['com.example.shop.v1.Widget'])

    test.registry.kinds.undefine('widgets.shop.example.com')
    assert.ok(!(await groups()).includes('shop.example.com'))
    assert.ok(!(await paths()).some(path => path.includes('shop')))
    assert.ok((await paths()).includes('api/v1'))
    assert.equal((await test.call('GET', PATH)).code, 404)
  })
})
