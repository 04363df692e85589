/** Schemas of users' kinds as clients see them. */
import assert from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'
import { type CustomKind, definitions, type Schema, withCustomKind } from './custom-kind.ts'

const KIND = 'apiextensions.k8s.io/CustomResourceDefinition'

const BARS: Schema = {
  description: 'Foo CRD for Testing',
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      description: 'Specification of Foo',
      properties: {
        bars: {
          description: 'List of Bars and their specs.',
          type: 'array',
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { description: 'Name of Bar.', type: 'string' },
              age: { description: 'Age of Bar.', type: 'string' },
              bazs: { description: 'List of Bazs.', type: 'array', items: { type: 'string' } },
            },
          },
        },
      },
    },
  },
}
const PRESERVED: Schema = {
  description: 'preserve-unknown-properties for Testing',
  type: 'object',
  'x-kubernetes-preserve-unknown-fields': true,
}
const NESTED: Schema = {
  description: 'preserve-unknown-properties in nested field for Testing',
  type: 'object',
  properties: {
    spec: {
      description: 'Specification of Waldo',
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: { dummy: { description: 'Dummy property.', type: 'object' } },
    },
    status: { description: 'Status of Waldo', type: 'object', properties: { phase: { type: 'string' } } },
  },
}

const schemaOf = (description: string): Schema => ({ type: 'object', description, properties: { spec: { type: 'object', description } } })
const version = (name: string, { served = true, storage = false } = {}) => ({
  name,
  served,
  storage,
  schema: { openAPIV3Schema: schemaOf(`Foo of ${name}`) },
})

/** Name of a component of version 2 and 3 alike. */
function componentOf({ kind }: Pick<CustomKind, 'kind'>, versionName = kind.version): string {
  return `${kind.group.split('.').reverse().join('.')}.${versionName}.${kind.kind}`
}

async function definitionsOfV2(context: PlaneContext): Promise<Record<string, Schema>> {
  return (await context.read('/openapi/v2')).definitions as Record<string, Schema>
}

/** The description under which a component is published; undefined where it is not. In both versions of OpenAPI, which must agree. */
async function published(context: PlaneContext, custom: CustomKind, versionName = custom.kind.version): Promise<unknown> {
  const name = componentOf(custom, versionName)
  const two = (await definitionsOfV2(context))[name]?.description
  const path = `apis/${custom.kind.group}/${versionName}`
  const { paths } = (await context.read('/openapi/v3')) as { paths: Record<string, { serverRelativeURL: string }> }
  const url = paths[path]?.serverRelativeURL
  if (!url) return two
  const { components } = (await context.read(url)) as { components: { schemas: Record<string, Schema> } }
  assert.deepEqual(components.schemas[name]?.description, two)
  return two
}

interface Shown {
  readonly context: PlaneContext
  readonly custom: CustomKind
}

/** kubectl creates the object and applies it, or must fail to with these words. */
async function accepts({ context, custom }: Shown, fields: object, refusal?: RegExp): Promise<void> {
  const input = JSON.stringify(custom.make('one', fields))
  for (const verb of ['create', 'apply']) {
    const { code, stdout, stderr } = await context.cluster.kubectl([verb, '-n', context.namespace, '-f', '-'], {
      input,
      allowFailure: true,
    })
    assert.equal(code === 0, refusal === undefined, `${verb}: ${stdout}${stderr}`)
    if (refusal) assert.match(stderr, refusal)
    else await context.cluster.kubectl(['delete', '-n', context.namespace, `${custom.kind.plural}.${custom.kind.group}`, 'one'])
  }
}

async function explains({ context, custom }: Shown, field: string, wanted: RegExp): Promise<void> {
  const { stdout } = await context.cluster.kubectl(['explain', `${custom.kind.plural}.${custom.kind.group}${field}`])
  assert.match(stdout, wanted)
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'CRD schema drives kubectl validation (unknown/missing fields refused) and explain of nested properties',
    kind: KIND,
    withKubectl: true,
    run: context =>
      withCustomKind(context, { schema: BARS }, async custom => {
        const shown = { context, custom }
        await accepts(shown, { spec: { bars: [{ name: 'test-bar' }] } })
        await accepts(shown, { spec: { bars: [{ name: 'a', unknown: 1 }] } }, /unknown field "spec\.bars\[0\]\.unknown"/)
        await accepts(shown, { spec: { bars: [{ age: '10' }] } }, /spec\.bars\[0\]\.name: Required value/)
        await explains(shown, '', /DESCRIPTION:\s+Foo CRD for Testing/)
        await explains(shown, '.metadata', /DESCRIPTION:\s+\S+/)
        await explains(shown, '.spec', /DESCRIPTION:\s+Specification of Foo/)
        await explains(
          shown,
          '.spec.bars',
          /FIELD: bars <\[\]Object>[\s\S]*List of Bars and their specs[\s\S]*bazs\s+<\[\]string>[\s\S]*name\s+<string> -required-/,
        )
        const { code } = await context.cluster.kubectl(['explain', `foos.${custom.kind.group}.spec.bars2`], { allowFailure: true })
        assert.notEqual(code, 0)
      }),
  },
  {
    row: 'Schema-less CRD: kubectl accepts anything and explain still has a description',
    kind: KIND,
    withKubectl: true,
    run: context =>
      withCustomKind(context, { plural: 'emptys' }, async custom => {
        await accepts({ context, custom }, { spec: { a: null, b: [{ c: 'd' }] } })
        await explains({ context, custom }, '', /DESCRIPTION:\s+<empty>/)
      }),
  },
  {
    row: 'preserve-unknown-fields at schema root: kubectl accepts unknown fields and explain shows the kind',
    kind: KIND,
    withKubectl: true,
    run: context =>
      withCustomKind(context, { schema: PRESERVED }, async custom => {
        await accepts({ context, custom }, { a: { b: ['c', 1] }, spec: { d: 1 } })
        await explains({ context, custom }, '', /KIND:\s+Foo[\s\S]*preserve-unknown-properties for Testing/)
      }),
  },
  {
    row: 'preserve-unknown-fields in a nested object: kubectl accepts unknown fields and explain shows the nested field',
    kind: KIND,
    withKubectl: true,
    run: context =>
      withCustomKind(context, { plural: 'waldos', schema: NESTED }, async custom => {
        await accepts({ context, custom }, { spec: { a: { b: ['c', 1] } } })
        await explains({ context, custom }, '.spec', /Specification of Waldo/)
        // Clients that check by version 2 by themselves know no such keyword: what may be anything says nothing there.
        const { spec } = ((await definitionsOfV2(context))[componentOf(custom)]?.properties ?? {}) as Record<string, Schema>
        assert.deepEqual([spec?.properties, spec?.description], [undefined, 'Specification of Waldo'])
      }),
  },
  {
    row: 'OpenAPI drops a CRD version once it is no longer served',
    kind: KIND,
    run: context =>
      withCustomKind(context, { versions: [version('v1', { storage: true }), version('v2')] }, async custom => {
        assert.equal(await published(context, custom, 'v2'), 'Foo of v2')
        const body = { spec: { versions: [version('v1', { storage: true }), version('v2', { served: false })] } }
        await definitions(context).patch({ name: custom.definition.metadata.name ?? '' }, { type: 'merge', body })
        await context.eventually(
          'v2 without OpenAPI',
          async () => [await published(context, custom, 'v2')],
          ([found]) => found === undefined,
        )
        assert.equal(await published(context, custom, 'v1'), 'Foo of v1')
      }),
  },
  {
    row: 'OpenAPI follows a CRD version rename',
    kind: KIND,
    run: context =>
      withCustomKind(context, { versions: [version('v1', { storage: true }), version('v2')] }, async custom => {
        assert.equal(await published(context, custom, 'v2'), 'Foo of v2')
        const body = { spec: { versions: [version('v1', { storage: true }), version('v4')] } }
        await definitions(context).patch({ name: custom.definition.metadata.name ?? '' }, { type: 'merge', body })
        await context.eventually(
          'OpenAPI of v4',
          () => published(context, custom, 'v4'),
          found => found === 'Foo of v4',
        )
        assert.deepEqual([await published(context, custom, 'v2'), await published(context, custom, 'v1')], [undefined, 'Foo of v1'])
      }),
  },
  {
    row: 'CRDs in different groups are all published in OpenAPI',
    kind: KIND,
    run: context =>
      withCustomKind(context, { prefix: 'a.', schema: schemaOf('one') }, one =>
        withCustomKind(context, { prefix: 'b.', schema: schemaOf('other') }, async other => {
          assert.deepEqual([await published(context, one), await published(context, other)], ['one', 'other'])
        }),
      ),
  },
  {
    row: 'CRDs of one group-version but different kinds are all published in OpenAPI',
    kind: KIND,
    run: context =>
      withCustomKind(context, { plural: 'foos', schema: schemaOf('foo') }, foo =>
        withCustomKind(context, { plural: 'bars', schema: schemaOf('bar') }, async bar => {
          assert.deepEqual([await published(context, foo), await published(context, bar)], ['foo', 'bar'])
        }),
      ),
  },
  {
    row: 'Several versions of one CRD group are all published in OpenAPI',
    kind: KIND,
    run: context =>
      withCustomKind(context, { versions: [version('v2', { storage: true }), version('v3')] }, custom =>
        withCustomKind(context, { plural: 'bars', versions: [{ ...version('v4'), storage: true }] }, async bar => {
          assert.deepEqual(
            [await published(context, custom, 'v2'), await published(context, custom, 'v3'), await published(context, bar, 'v4')],
            ['Foo of v2', 'Foo of v3', 'Foo of v4'],
          )
        }),
      ),
  },
]
