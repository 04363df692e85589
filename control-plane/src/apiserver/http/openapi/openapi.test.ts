import assert from 'node:assert/strict'
import { describe, it, test } from 'node:test'
import { KINDS, REVIEW_KINDS } from '@davit/api'
import { groupVersions } from '../discovery/resources.ts'
import { documentOf, namesOf } from './documents.ts'
import { readableOf, swaggerOf } from './v2.ts'

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema
  allOf?: Schema[]
  $ref?: string
  description?: string
  required?: string[]
  enum?: string[]
  format?: string
  [extension: `x-${string}`]: unknown
}
interface Operation {
  operationId?: string
  'x-kubernetes-action': string
  'x-kubernetes-group-version-kind': { group: string; version: string; kind: string }
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, unknown> }
}
interface Document {
  paths: Record<string, Partial<Record<string, Operation>>>
  components: { schemas: Record<string, Schema> }
}

const SERVED = [...KINDS, ...REVIEW_KINDS]
const names = namesOf(SERVED)
const documents = groupVersions(SERVED).map(
  ({ resources }) =>
    documentOf(
      resources.map(({ kind }) => kind),
      names,
    ) as unknown as Document,
)

describe('the OpenAPI documents', () => {
  it('have a component for every reference', () => {
    for (const document of documents) {
      const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)
      for (const [, name] of references) assert.ok(document.components.schemas[name!], name)
    }
  })

  it('offer fieldValidation and strategic merge patches on every kind, by which kubectl decides', () => {
    const patched = new Set<string>()
    for (const { paths } of documents) {
      for (const { patch } of Object.values(paths)) {
        if (!patch || patch['x-kubernetes-action'] === 'connect') continue
        assert.ok(patch.parameters?.some(({ name, in: where }) => name === 'fieldValidation' && where === 'query'))
        assert.ok(patch.requestBody?.content['application/strategic-merge-patch+json'])
        patched.add(patch['x-kubernetes-group-version-kind'].kind)
      }
    }
    for (const { kind } of KINDS) assert.ok(patched.has(kind), kind)
  })

  it('name components as Kubernetes does and carry merge keys', () => {
    const core = documents[0]!.components.schemas
    assert.deepEqual(core['io.k8s.api.core.v1.Pod']?.['x-kubernetes-group-version-kind'], [{ group: '', kind: 'Pod', version: 'v1' }])
    assert.ok(core['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta']?.properties?.labels)
    const containers = core['io.k8s.api.core.v1.PodSpec']?.properties?.containers
    assert.equal(containers?.['x-kubernetes-patch-merge-key'], 'name')
    assert.equal(containers?.['x-kubernetes-patch-strategy'], 'merge')
    const apps = documents.find(({ components }) => components.schemas['io.k8s.api.apps.v1.Deployment'])!
    assert.ok(apps.components.schemas['io.k8s.api.core.v1.PodSpec'], 'a PodSpec embedded elsewhere keeps its name')
    for (const group of ['core', 'events']) {
      const found = documents.some(({ components }) => components.schemas[`io.k8s.api.${group}.v1.EventSeries`])
      assert.ok(found, `the series of ${group} events has a component of its own`)
    }
  })

  it('describe every field, mark what is required and list named values', () => {
    for (const { components } of documents) {
      for (const [name, { description, properties = {} }] of Object.entries(components.schemas)) {
        assert.ok(description, name)
        for (const [field, schema] of Object.entries(properties)) assert.ok(schema.description, `${name}.${field}`)
      }
    }
    const core = documents[0]!.components.schemas
    assert.deepEqual(core['io.k8s.api.core.v1.Container']?.required, ['name'])
    assert.deepEqual(core['io.k8s.api.core.v1.Container']?.properties?.imagePullPolicy?.enum, ['Always', 'IfNotPresent', 'Never'])
    assert.ok(core['io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions']?.properties?.gracePeriodSeconds)
  })

  it('give one name to what is one message of Kubernetes', () => {
    const found = new Set(documents.flatMap(({ components }) => Object.keys(components.schemas)))
    assert.ok(found.has('io.k8s.apimachinery.pkg.apis.meta.v1.Condition'))
    const numbered = [...found].filter(name => found.has(name.replace(/\d$/, '')) && /\d$/.test(name))
    assert.deepEqual(numbered, [])
  })

  it('name operations once, and say what subresources speak', () => {
    const ids = documents.flatMap(({ paths }) =>
      Object.values(paths).flatMap(item => Object.values(item).flatMap(operation => operation?.operationId ?? [])),
    )
    assert.equal(new Set(ids).size, ids.length)
    assert.ok(ids.includes('readCoreV1NamespacedPodStatus'))
    const { paths } = documents[0]!
    const spoken = (path: string, method: string) =>
      paths[`/api/v1/namespaces/{namespace}/${path}`]?.[method]?.['x-kubernetes-group-version-kind']
    assert.deepEqual(spoken('pods/{name}/eviction', 'post'), { group: 'policy', version: 'v1', kind: 'Eviction' })
    assert.deepEqual(spoken('serviceaccounts/{name}/token', 'post')?.kind, 'TokenRequest')
    assert.deepEqual(spoken('pods/{name}/log', 'get')?.kind, 'Pod')
  })
})

test('a document of another server that cannot be read is left out, and nothing with it', () => {
  const schemas = { Thing: { type: 'object', properties: { a: { $ref: '#/components/schemas/Other' } } } }
  const good = { paths: { '/apis/x/v1': { get: { operationId: 'a' } } }, components: { schemas } }
  const bad = [{ paths: { '/y': { get: null } } }, { paths: 3, components: { schemas: { a: null } } }, { paths: { '/z': null } }]
  assert.deepEqual(
    readableOf([...bad, good, {}]).map(({ paths }) => Object.keys(paths)),
    [['/apis/x/v1'], []],
  )
})

describe('swaggerOf()', () => {
  const swagger = swaggerOf(documents as never, {}) as unknown as {
    paths: Record<string, Record<string, { parameters: Record<string, unknown>[]; responses: Record<string, { schema?: Schema }> }>>
    definitions: Record<string, Schema>
  }

  it('has a definition for every reference, and nothing that version 2 does not know', () => {
    const text = JSON.stringify(swagger)
    for (const [, name] of text.matchAll(/"\$ref":"#\/definitions\/([^"]+)"/g)) assert.ok(swagger.definitions[name!], name)
    for (const word of ['#/components', '"allOf"', '"oneOf"', '"requestBody"', '"content"']) assert.ok(!text.includes(word), word)
  })

  it('says what version 3 says', () => {
    const port = swagger.definitions['io.k8s.api.core.v1.ServicePort']?.properties?.targetPort
    assert.equal(port?.$ref, '#/definitions/io.k8s.apimachinery.pkg.util.intstr.IntOrString')
    assert.ok(port?.description)
    assert.equal(swagger.definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString']?.format, 'int-or-string')
    const pods = swagger.paths['/api/v1/namespaces/{namespace}/pods']
    assert.deepEqual(pods?.get?.responses['200']?.schema, { $ref: '#/definitions/io.k8s.api.core.v1.PodList' })
    const body = pods?.post?.parameters.find(({ name }) => name === 'body')
    assert.deepEqual(body, { name: 'body', in: 'body', required: true, schema: { $ref: '#/definitions/io.k8s.api.core.v1.Pod' } })
    const limit = pods?.get?.parameters.find(({ name }) => name === 'limit')
    assert.deepEqual([limit?.in, limit?.type], ['query', 'integer'])
  })
})
