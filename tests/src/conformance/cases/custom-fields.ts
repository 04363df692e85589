/** Fields of users' objects that their schema does not know, and fields given twice. */
import assert from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'
import { type CustomKind, type Schema, withCustomKind } from './custom-kind.ts'

const KIND = 'apiextensions.k8s.io/CustomResourceDefinition'
const SCHEMA: Schema = {
  type: 'object',
  properties: {
    spec: { type: 'object', properties: { cronSpec: { type: 'string' }, replicas: { type: 'integer' } } },
  },
}
const PORTS = { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['port'] }
const OPEN: Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: {
        cronSpec: { type: 'string' },
        ports: { ...PORTS, items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' } } } },
      },
    },
  },
}
const EMBEDDED: Schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
      properties: {
        template: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } },
      },
    },
  },
}

/** A server-side apply in strict validation, as text, so that a field can be there twice. */
function apply(
  context: PlaneContext,
  { path, apiVersion }: CustomKind,
  { metadata = '', rest = '' }: { metadata?: string; rest?: string },
) {
  return context.ask({
    method: 'PATCH',
    path: `${path}/one?fieldManager=case&fieldValidation=Strict`,
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: `{"apiVersion":"${apiVersion}","kind":"Foo","metadata":{${metadata}"name":"one"}${rest}}`,
  })
}

/** As `apply`, by POST. */
function create(
  context: PlaneContext,
  { path, apiVersion }: CustomKind,
  { metadata = '', rest = '' }: { metadata?: string; rest?: string },
) {
  const body = `{"apiVersion":"${apiVersion}","kind":"Foo","metadata":{${metadata}"name":"two"}${rest}}`
  return context.ask({ method: 'POST', path: `${path}?fieldValidation=Strict`, body })
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'CR with unknown fields is accepted when the CRD has no schema',
    kind: KIND,
    run: context =>
      withCustomKind(context, {}, async custom => {
        const rest = ',"spec":{"anything":{"goes":[1,"a"]}},"beside":true'
        for (const { code, text, json } of [await apply(context, custom, { rest }), await create(context, custom, { rest })]) {
          assert.equal(code, 201, text)
          assert.deepEqual([json.spec, json.beside], [{ anything: { goes: [1, 'a'] } }, true])
        }
      }),
  },
  {
    row: 'CR that matches the CRD schema is accepted',
    kind: KIND,
    run: context =>
      withCustomKind(context, { schema: SCHEMA }, async custom => {
        const rest = ',"spec":{"cronSpec":"* * * * */5","replicas":1}'
        for (const answer of [await apply(context, custom, { rest }), await create(context, custom, { rest })]) {
          assert.equal(answer.code, 201, answer.text)
          assert.deepEqual(answer.json.spec, { cronSpec: '* * * * */5', replicas: 1 })
        }
      }),
  },
  {
    row: 'CR with fields outside the schema is refused under strict validation',
    kind: KIND,
    run: context =>
      withCustomKind(context, { schema: SCHEMA }, async custom => {
        const rest = ',"spec":{"cronSpec":"* * * * */5","unknown":1},"beside":true'
        const created = await create(context, custom, { rest })
        assert.equal(created.code, 400, created.text)
        assert.match(created.message, /strict decoding error: .*unknown field "spec\.unknown"/)
        assert.match(created.message, /unknown field "beside"/)
        const applied = await apply(context, custom, { rest })
        assert.ok([400, 500].includes(applied.code), applied.text)
        assert.match(applied.message, /(\.spec\.unknown: field not declared in schema|unknown field "spec\.unknown")/)
        assert.deepEqual((await context.read(custom.path)).items, [])
      }),
  },
  {
    row: 'Duplicate keys in a CR are refused even when unknown fields are preserved',
    kind: KIND,
    run: context =>
      withCustomKind(context, { schema: OPEN }, async custom => {
        const fine = ',"spec":{"unknown":"kept","cronSpec":"a","ports":[{"port":80},{"port":443}]}'
        assert.equal((await create(context, custom, { rest: fine })).code, 201)
        const twice = ',"spec":{"unknown":"a","unknown":"b","cronSpec":"a","cronSpec":"b"}'
        const { code, message } = await create(context, custom, { rest: twice })
        assert.equal(code, 400, message)
        for (const field of ['spec.unknown', 'spec.cronSpec']) assert.ok(message.includes(`duplicate field "${field}"`), message)
        const applied = await apply(context, custom, { rest: twice })
        assert.equal(applied.code, 400, applied.text)
        assert.match(applied.message, /already set in map|duplicate field|already defined/)
      }),
  },
  {
    row: 'Unknown metadata fields at root or in an embedded object of a CR are refused',
    kind: KIND,
    run: context =>
      withCustomKind(context, { schema: EMBEDDED }, async custom => {
        const inner = '"apiVersion":"v1","kind":"Pod","metadata":{"name":"x","unknownSubMeta":1}'
        const doubtful = { metadata: '"unknownMeta":"a",', rest: `,"spec":{"template":{${inner}}}` }
        const { code, message } = await create(context, custom, doubtful)
        assert.equal(code, 400, message)
        for (const field of ['metadata.unknownMeta', 'spec.template.metadata.unknownSubMeta']) {
          assert.ok(message.includes(`unknown field "${field}"`), message)
        }
        const applied = await apply(context, custom, doubtful)
        assert.ok([400, 500].includes(applied.code), applied.text)
        assert.match(applied.message, /unknownMeta/)
      }),
  },
]
