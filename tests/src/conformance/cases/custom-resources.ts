/** Kinds that users define, and objects of theirs. */
import assert from 'node:assert/strict'
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '@davit/api'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'
import { type Custom, definitions, untilDefinitionGone, wantedDefinition, withCustomKind } from './custom-kind.ts'

const WATCH_MS_MAX = 30_000
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
const EIGHT = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']
const KIND = 'apiextensions.k8s.io/CustomResourceDefinition'
/** What the clients of the Go library ask for discovery by. */
const BOTH = `${AGGREGATED},application/json`

interface AggregatedGroup {
  metadata: { name?: string }
  versions: { version: string; resources: { resource: string; responseKind: object; scope: string; verbs: string[] }[] }[]
}

async function discovered(context: PlaneContext, accept: string, group: string) {
  const answer = await context.read('/apis', { accept })
  return (answer.items as AggregatedGroup[]).find(({ metadata }) => metadata.name === group)
}

function assertFoos(group: AggregatedGroup | undefined, name: string): void {
  assert.equal(group?.versions.length, 1)
  const [version] = group?.versions ?? []
  const resource = version?.resources.find(each => each.resource === 'foos')
  assertHas(
    { version: version?.version, resource },
    { version: 'v1', resource: { scope: 'Namespaced', responseKind: { group: name, version: 'v1', kind: 'Foo' } } },
  )
  assert.deepEqual(resource?.verbs.toSorted(), EIGHT)
}

/** Schemas of one version whose `spec.a` and `spec.b` have these defaults. */
function withDefaults(defaults: Record<string, string>): Partial<CustomResourceDefinitionVersion>[] {
  const properties = Object.fromEntries(
    ['a', 'b'].map(name => [name, { type: 'string', ...(name in defaults && { default: defaults[name] }) }]),
  )
  const spec = { type: 'object', properties }
  return [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec } } } }]
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'A CRD can be created and deleted',
    kind: KIND,
    run: async context => {
      const name = await withCustomKind(context, {}, async ({ definition }) => definition.metadata.name ?? '')
      await untilDefinitionGone(context, name)
      const group = name.slice('foos.'.length)
      await context.eventually(
        'the path to be gone with its definition',
        () => context.ask({ path: `/apis/${group}/v1/namespaces/${context.namespace}/foos` }),
        ({ code }) => code === 404,
      )
    },
  },
  {
    row: 'A new CRD appears through the aggregated-discovery client',
    kind: KIND,
    withKubectl: true,
    run: context =>
      withCustomKind(context, {}, async ({ kind }) => {
        // kubectl has the Go library in it.
        const { stdout } = await context.cluster.kubectl(['api-resources', '--cached=false', '--no-headers', '-o=name', '-v=6'])
        assert.ok(stdout.split('\n').includes(`foos.${kind.group}`), stdout)
        const group = await discovered(context, BOTH, kind.group)
        assertFoos(group, kind.group)
      }),
  },
  {
    row: 'Raw aggregated discovery lists a newly added CRD',
    kind: KIND,
    run: context =>
      withCustomKind(context, {}, async ({ kind }) => {
        for (const accept of [AGGREGATED, AGGREGATED.replace('v=v2', 'v=v2beta1')]) {
          assertFoos(await discovered(context, accept, kind.group), kind.group)
        }
      }),
  },
  {
    row: 'A watch on custom objects reports create, modify and delete',
    kind: KIND,
    run: context =>
      withCustomKind(context, {}, async ({ objects, make }) => {
        const { metadata } = await objects.list({ namespace: context.namespace })
        const seen: string[] = []
        const watch = (async () => {
          const signal = AbortSignal.timeout(WATCH_MS_MAX)
          const from = { resourceVersion: metadata.resourceVersion ?? '' }
          for await (const { type, object } of objects.watch({ namespace: context.namespace, signal, ...from })) {
            const { spec } = object as Custom
            seen.push(`${type} ${object.metadata.name} ${spec?.size}`)
            if (seen.length === 3) return
          }
        })()
        await objects.create(make('a', { spec: { size: 1 } }))
        const target = { namespace: context.namespace, name: 'a' }
        await objects.patch(target, { type: 'merge', body: { spec: { size: 2 } } })
        await objects.delete(target)
        await watch
        assert.deepEqual(seen, ['ADDED a 1', 'MODIFIED a 2', 'DELETED a 2'])
      }),
  },
  {
    row: 'CRD status subresource can be read, updated and patched',
    kind: KIND,
    run: context =>
      withCustomKind(context, {}, async ({ definition }) => {
        const name = definition.metadata.name ?? ''
        const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}/status`
        const condition = (type: string) => ({ type, status: 'True', reason: 'E2E', message: 'Set from a test' })
        const read = (await context.read(path)) as unknown as CustomResourceDefinition
        assert.deepEqual([read.kind, read.metadata.name], ['CustomResourceDefinition', name])
        const conditions = [...(read.status?.conditions ?? []), condition('StatusUpdate')]
        const body = { ...read, spec: { ...read.spec, scope: 'Cluster' }, status: { ...read.status, conditions } }
        const updated = (await context.must(200, { method: 'PUT', path, body })) as unknown as CustomResourceDefinition
        assert.equal(updated.spec.scope, 'Namespaced')
        const types = ({ status }: CustomResourceDefinition) => (status?.conditions ?? []).map(({ type }) => type)
        assert.ok(types(updated).includes('StatusUpdate'))
        const patched = await context.must(200, {
          method: 'PATCH',
          path,
          headers: { 'content-type': 'application/merge-patch+json' },
          body: { status: { conditions: [...(updated.status?.conditions ?? []), condition('StatusPatched')] } },
        })
        assert.ok(types(patched as unknown as CustomResourceDefinition).includes('StatusPatched'))
      }),
  },
  {
    row: 'Labelled CRDs can be listed by selector and removed by collection delete',
    kind: KIND,
    run: async context => {
      const labels = { case: context.namespace }
      const labelSelector = `case=${context.namespace}`
      for (let i = 0; i < 3; i++) await definitions(context).create(wantedDefinition(context, { prefix: `g${i}.`, labels }))
      const { items } = await definitions(context).list({ labelSelector })
      assert.equal(items.length, 3)
      await definitions(context).deleteCollection({ labelSelector })
      for (const { metadata } of items) await untilDefinitionGone(context, metadata.name ?? '')
      assert.equal((await definitions(context).list({ labelSelector })).items.length, 0)
    },
  },
  {
    row: "Schema defaults apply to requests and to objects read from storage as the CRD's defaults change",
    kind: KIND,
    run: context =>
      withCustomKind(context, { versions: withDefaults({ a: 'A' }) }, async ({ definition, objects, make }) => {
        const target = { namespace: context.namespace, name: 'one' }
        const specOf = async () => (await objects.get(target)).spec
        const change = async (defaults: Record<string, string>, wanted: Record<string, string>) => {
          const body = { spec: { versions: withDefaults(defaults) } }
          await definitions(context).patch({ name: definition.metadata.name ?? '' }, { type: 'merge', body })
          await context.eventually('other defaults', specOf, spec => JSON.stringify(spec) === JSON.stringify(wanted))
        }
        const { spec } = await objects.create(make('one', { spec: {} }))
        assert.deepEqual(spec, { a: 'A' })
        await change({ a: 'A', b: 'B' }, { a: 'A', b: 'B' })
        // What was stored stays; what is only read from the schema goes with it.
        await change({}, { a: 'A' })
        await change({ b: 'C' }, { a: 'A', b: 'C' })
      }),
  },
  {
    row: 'apiextensions.k8s.io/v1 and the CRD resource show up in discovery',
    kind: KIND,
    run: async context => {
      const name = 'apiextensions.k8s.io'
      const version = { groupVersion: `${name}/v1`, version: 'v1' }
      const groups = (await context.read('/apis')).groups as { name: string; versions: object[] }[]
      assert.deepEqual(groups.find(each => each.name === name)?.versions, [version])
      assertHas(await context.read(`/apis/${name}`), { kind: 'APIGroup', name, preferredVersion: version })
      const resources = (await context.read(`/apis/${name}/v1`)).resources as { name: string; verbs: string[] }[]
      assert.deepEqual(resources.find(each => each.name === 'customresourcedefinitions')?.verbs.toSorted(), EIGHT)
    },
  },
]
