import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchesPattern } from '../../../pattern.ts'
import { fieldErrorBody } from '../../../status.ts'
import { isOfFormat } from '../../../text-formats.ts'
import { applySchemaDefaults, dropForbiddenNulls } from './defaults.ts'
import { type JsonSchema, readSchema } from './json-schema.ts'
import { publishedSchemaV2 } from './open-api.ts'
import { prune } from './prune.ts'
import { validateStructural } from './schema-rules.ts'
import { validateValue } from './validate.ts'

const complaints = (schema: JsonSchema, value: unknown, old?: unknown) =>
  validateValue(schema, value, { path: 'spec', old }).map(error => `${error.field}: ${fieldErrorBody(error)}`)
const text: JsonSchema = { type: 'string' }
const whole: JsonSchema = { type: 'integer' }
const object = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({ type: 'object', properties, ...more })
const open = { 'x-kubernetes-preserve-unknown-fields': true } as const

const VALUES: readonly [why: string, schema: JsonSchema, value: unknown, complaints: string[]][] = [
  ['a right value', object({ a: text }), { a: 'x' }, []],
  ['a wrong type', object({ a: whole }), { a: 'x' }, ['spec.a: Invalid value: "string": spec.a in body must be of type integer: "string"']],
  ['a number with a fraction', whole, 1.5, ['spec: Invalid value: "number": spec in body must be of type integer: "number"']],
  ['a null', object({ a: text }), { a: null }, ['spec.a: Invalid value: "null": spec.a in body must be of type string: "null"']],
  ['a null where one may be', object({ a: { type: 'string', nullable: true } }), { a: null }, []],
  ['a missing field', object({}, { required: ['a'] }), {}, ['spec.a: Required value']],
  ['what is none of these', { type: 'string', enum: ['a', 'b'] }, 'c', ['spec: Unsupported value: "c": supported values: "a", "b"']],
  ['too small', { type: 'integer', minimum: 1 }, 0, ['spec: Invalid value: 0: spec in body should be greater than or equal to 1']],
  [
    'not above',
    { type: 'integer', minimum: 1, exclusiveMinimum: true },
    1,
    ['spec: Invalid value: 1: spec in body should be greater than 1'],
  ],
  ['too large', { type: 'number', maximum: 2 }, 2.5, ['spec: Invalid value: 2.5: spec in body should be less than or equal to 2']],
  ['no multiple', { type: 'integer', multipleOf: 5 }, 7, ['spec: Invalid value: 7: spec in body should be a multiple of 5']],
  ['a multiple of a fraction', { type: 'number', multipleOf: 0.1 }, 0.3, []],
  [
    'beyond 32 bits',
    { type: 'integer', format: 'int32' },
    2 ** 40,
    [`spec: Invalid value: ${2 ** 40}: Checked value must be of type integer with format int32 in spec`],
  ],
  ['too long', { type: 'string', maxLength: 2 }, 'äöü', ['spec: Too long: may not be more than 2 bytes']],
  ['too short', { type: 'string', minLength: 2 }, '😀', ['spec: Invalid value: "😀": spec in body should be at least 2 chars long']],
  ['another pattern', { type: 'string', pattern: '^a+$' }, 'b', ['spec: Invalid value: "b": spec in body should match \'^a+$\'']],
  ['a format', { type: 'string', format: 'ipv4' }, 'x', ['spec: Invalid value: "x": spec in body must be of type ipv4: "x"']],
  ['too many', { type: 'array', maxItems: 1, items: whole }, [1, 2], ['spec: Too many: 2: must have at most 1 items']],
  ['too few', { type: 'array', minItems: 1 }, [], ['spec: Invalid value: []: spec in body should have at least 1 items']],
  ['a repeated element', { type: 'array', 'x-kubernetes-list-type': 'set', items: text }, ['a', 'a'], ['spec[1]: Duplicate value: "a"']],
  [
    'a repeated key',
    { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'], items: object({ n: text, v: text }) },
    [
      { n: 'a', v: '1' },
      { v: '2', n: 'a' },
    ],
    ['spec[1]: Duplicate value: {"n":"a"}'],
  ],
  ['a number or a text', { 'x-kubernetes-int-or-string': true }, '25%', []],
  [
    'neither',
    { 'x-kubernetes-int-or-string': true },
    true,
    ['spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"'],
  ],
  [
    'values of a map',
    { type: 'object', additionalProperties: whole },
    { a: 'x' },
    ['spec.a: Invalid value: "string": spec.a in body must be of type integer: "string"'],
  ],
  ['not', { type: 'string', not: { enum: ['a'] } }, 'a', ['<nil>: Invalid value: "": "spec" must not validate the schema (not)']],
  [
    'none of several',
    object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    {},
    ['spec.a: Required value', '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid'],
  ],
  [
    'more than one of several',
    object({ a: text, b: text }, { oneOf: [{ required: ['a'] }, { required: ['b'] }] }),
    { a: '', b: '' },
    ['<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives'],
  ],
]

for (const [why, schema, value, wanted] of VALUES) {
  test(`validateValue() on ${why}`, () => assert.deepEqual(complaints(schema, value), wanted))
}

test('validateValue() lets be what was wrong before and did not change', () => {
  const schema = object({ a: { type: 'string', maxLength: 1 }, b: text })
  assert.deepEqual(complaints(schema, { a: 'long', b: 'new' }, { a: 'long', b: 'old' }), [])
  assert.deepEqual(complaints(schema, { a: 'other', b: 'new' }, { a: 'long', b: 'old' }), [
    'spec.a: Too long: may not be more than 1 bytes',
  ])
})

test('patterns take time that grows with the text only', () => {
  assert.equal(matchesPattern('^(a+)+$', `${'a'.repeat(50_000)}b`), false)
  assert.throws(() => matchesPattern('(?=a)', 'a'))
})

test('prune() takes out what the schema does not know, and says where it was', () => {
  const schema = object({
    spec: object({
      list: { type: 'array', items: object({ a: text }) },
      open: { type: 'object', ...open, properties: { in: object({ a: text }) } },
    }),
    inner: object({ a: text }, { 'x-kubernetes-embedded-resource': true }),
    map: { type: 'object', additionalProperties: object({ a: text }) },
  })
  const value = {
    apiVersion: 'v1',
    metadata: { any: 1 },
    other: 1,
    spec: { list: [{ a: 'x', b: 1 }], open: { free: { x: 1 }, in: { a: 'x', b: 1 } } },
    inner: { kind: 'K', metadata: {}, b: 1 },
    map: { k: { a: 'x', b: 1 } },
  }
  assert.deepEqual(prune(schema, value, true), ['other', 'spec.list[0].b', 'spec.open.in.b', 'inner.b', 'map.k.b'])
  assert.deepEqual(value, {
    apiVersion: 'v1',
    metadata: { any: 1 },
    spec: { list: [{ a: 'x' }], open: { free: { x: 1 }, in: { a: 'x' } } },
    inner: { kind: 'K', metadata: {} },
    map: { k: { a: 'x' } },
  })
})

test('defaults are filled in wherever something may be, and nulls that may not be are none', () => {
  const schema = object({
    a: { type: 'integer', default: 1 },
    b: { type: 'object', default: {}, properties: { c: { type: 'string', default: 'x' } } },
    list: { type: 'array', items: object({ d: { type: 'boolean', default: false } }) },
    nullable: { type: 'string', nullable: true, default: 'y' },
    gone: text,
  })
  const value = { a: null, list: [{}], nullable: null, gone: null }
  dropForbiddenNulls(schema, value)
  applySchemaDefaults(schema, value)
  const wanted = { a: 1, b: { c: 'x' }, list: [{ d: false }], nullable: null }
  assert.deepEqual(value, wanted)
  applySchemaDefaults(schema, value)
  assert.deepEqual(value, wanted)
})

test('formats', () => {
  const right = {
    date: '2024-02-29',
    'date-time': '2024-01-01T00:00:00Z',
    cidr: '10.0.0.0/8',
    uuid: '6ba7b810-9dad-11d1-80b4-00c04fd430c8',
    duration: '1h30m',
    unknown: '?',
  }
  const wrong = { date: '2023-02-29', 'date-time': '2024-01-01', cidr: '10.0.0.0/33', uuid: 'x', duration: 'soon', hostname: '-a' }
  for (const [format, value] of Object.entries(right)) assert.ok(isOfFormat(format, value), format)
  for (const [format, value] of Object.entries(wrong)) assert.ok(!isOfFormat(format, value), format)
})

const structural = (raw: unknown) => {
  const { schema, wrong, listedItems } = readSchema(raw, '')
  return [
    ...wrong.map(({ path, wanted }) => `${path} wants ${wanted}`),
    ...listedItems,
    ...validateStructural(schema, '').map(error => `${error.field}: ${fieldErrorBody(error)}`),
  ]
}
const root = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more })

const SCHEMAS: readonly [why: string, schema: unknown, complaints: string[]][] = [
  ['a structural one', root({ a: text, b: { type: 'array', items: text }, c: { 'x-kubernetes-int-or-string': true } }), []],
  ['no type', { properties: {} }, ['.type: Required value: must not be empty at the root']],
  ['another type', { type: 'string' }, ['.type: Invalid value: "string": must be object at the root']],
  ['a field without a type', root({ a: {} }), ['.properties[a].type: Required value: must not be empty for specified object fields']],
  ['elements that nothing is said of', root({ a: { type: 'array' } }), ['.properties[a].items: Required value: must be specified']],
  [
    'a list of schemas',
    root({ a: { type: 'array', items: [text] } }),
    ['.properties[a].items', '.properties[a].items: Required value: must be specified'],
  ],
  ['a keyword of another type', root({ a: { type: 'string', maxLength: 'x' } }), ['.properties[a].maxLength wants integer']],
  ['a reference', root({ a: { type: 'string', $ref: '#' } }), ['.properties[a].$ref: Forbidden: $ref is not supported']],
  [
    'both kinds of properties',
    root({ a: { ...root({ b: text }), additionalProperties: text } }),
    ['.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive'],
  ],
  [
    'a pattern that is none',
    root({ a: { type: 'string', pattern: '(' } }),
    [
      '.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn\'t: error parsing regexp: missing closing ): `(`',
    ],
  ],
  [
    'an alternative with a type',
    root({ a: { type: 'string', anyOf: [{ type: 'string' }] } }),
    ['.properties[a].anyOf[0].type: Forbidden: must be empty to be structural'],
  ],
  [
    'an alternative with a field of its own',
    root({}, { anyOf: [{ properties: { b: { minimum: 1 } } }] }),
    ['.properties[b]: Required value: because it is defined in .anyOf[0].properties[b]'],
  ],
  [
    'list keys that may be absent',
    root({ a: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['n'], items: root({ n: text }) } }),
    [
      '.properties[a].items.properties[n].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
    ],
  ],
  [
    'a default of another type',
    root({ a: { type: 'integer', default: 'x' } }),
    ['.properties[a].default: Invalid value: "string":  in body must be of type integer: "string"'],
  ],
  [
    'a default with more in it',
    root({ a: { ...root({}), default: { b: 1 } } }),
    ['.properties[a].default: Invalid value: {"b":1}: must not have unknown fields'],
  ],
  [
    'metadata with rules of its own',
    root({ metadata: root({ labels: { type: 'object' } }) }),
    ['.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified'],
  ],
]

for (const [why, schema, wanted] of SCHEMAS) test(`validateStructural() on ${why}`, () => assert.deepEqual(structural(schema), wanted))

test('no schema and no value lead to a crash, and what was defaulted and pruned stays as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.jsonValue({ maxDepth: 4 }), (raw, value) => {
      const { schema } = readSchema({ type: 'object', properties: { a: raw, b: { type: 'object', properties: { c: raw } } } }, '')
      validateStructural(schema, '')
      const object = { a: value, b: { c: value } }
      prune(schema, object, true)
      dropForbiddenNulls(schema, object)
      applySchemaDefaults(schema, object)
      validateValue(schema, object)
      const once = structuredClone(object)
      assert.deepEqual(prune(schema, object, true), [])
      applySchemaDefaults(schema, object)
      assert.deepEqual(object, once)
    }),
    { numRuns: 300 },
  )
})

test('version 2 of OpenAPI says nothing that its clients would misunderstand', () => {
  const published = publishedSchemaV2(
    {
      type: 'object',
      required: ['spec'],
      properties: {
        spec: {
          type: 'object',
          required: ['none', 'some'],
          oneOf: [{ required: ['some'] }],
          properties: {
            none: { type: 'string', nullable: true },
            some: {
              description: 'some',
              type: 'object',
              'x-kubernetes-preserve-unknown-fields': true,
              properties: { a: { type: 'string' } },
            },
            map: { type: 'object', additionalProperties: { type: 'string', nullable: true } },
          },
        },
      },
    },
    'kind',
  )
  assert.deepEqual((published.properties as Record<string, unknown>).spec, {
    type: 'object',
    required: ['some'],
    properties: {
      none: {},
      some: { description: 'some', 'x-kubernetes-preserve-unknown-fields': true },
      map: { type: 'object', additionalProperties: {} },
    },
  })
  assert.deepEqual(publishedSchemaV2({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }, 'kind'), { type: 'object' })
})
