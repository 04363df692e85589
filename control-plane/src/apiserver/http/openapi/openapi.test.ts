import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KINDS } from '@davit/api'
import { groupVersions } from '../discovery/resources.ts'
import { documentOf } from './answers.ts'
import { ComponentNames } from './components.ts'

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema
  allOf?: Schema[]
  $ref?: string
  [extension: `x-${string}`]: unknown
}
interface Operation {
  'x-kubernetes-group-version-kind': { group: string; version: string; kind: string }
  parameters?: { name: string; in: string }[]
  requestBody?: { content: Record<string, unknown> }
}
interface Document {
  paths: Record<string, Partial<Record<string, Operation>>>
  components: { schemas: Record<string, Schema> }
}

const names = new ComponentNames(KINDS)
const documents = groupVersions(KINDS).map(
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
        if (!patch) continue
        assert.ok(patch.parameters?.some(({ name, in: where }) => name === 'fieldValidation' && where === 'query'))
        assert.ok(patch.requestBody?.content['application/strategic-merge-patch+json'])
        patched.add(patch['x-kubernetes-group-version-kind'].kind)
      }
    }
    assert.deepEqual([...patched].sort(), [...new Set(KINDS.map(({ kind }) => kind))].sort())
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
})
