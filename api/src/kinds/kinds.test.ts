/** What holds for every kind, whatever it is. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeObject } from '../decode.ts'
import { apiVersionOf, type Kind } from '../kind.ts'
import { describeSchema, type ObjectNode, type SchemaNode } from '../schema/describe.ts'
import { ApiError } from '../status.ts'
import { tokenRequestKind } from './authentication/token-request.ts'
import { KINDS, kindFor, kindOf, REVIEW_KINDS } from './index.ts'

test('kinds are found by group and by apiVersion, and others are not', () => {
  for (const kind of KINDS) {
    assert.equal(kindOf(kind.group, kind.version, kind.kind), kind)
    assert.equal(kindFor(apiVersionOf(kind), kind.kind), kind)
  }
  assert.equal(kindFor('v1', 'Deployment'), undefined)
})

test('no two kinds share a resource, a short name or a place in storage', () => {
  const all = (values: readonly string[]) => assert.equal(new Set(values).size, values.length, values.join())
  all(KINDS.map(kind => `${apiVersionOf(kind)}/${kind.plural}`))
  const stored = KINDS.filter(({ view }) => !view)
  all(stored.flatMap(kind => kind.shortNames))
  all(stored.map(kind => kind.storagePrefix))
})

test('kinds are stored where Kubernetes stores them', () => {
  const places = Object.fromEntries(KINDS.map(kind => [kind.plural, kind.storagePrefix]))
  assert.equal(places.nodes, 'minions')
  assert.equal(places.services, 'services/specs')
  assert.equal(places.endpoints, 'services/endpoints')
  assert.equal(places.deployments, 'deployments')
})

const SPOKEN = [...REVIEW_KINDS, tokenRequestKind as unknown as Kind]

for (const kind of [...KINDS, ...SPOKEN]) {
  test(`${kind.kind}: every field is described, and lists merge by keys that are there`, () => {
    for (const { node, path } of walk(describeSchema(kind), kind.kind)) {
      if (!path.endsWith('[]') && !path.endsWith('{}')) assert.ok(node.description, `${path} has no description`)
      if (node.type === 'list' && node.meta.mergeKey) {
        assert.equal(node.items.type, 'object', path)
        for (const key of node.meta.listMapKeys ?? []) assert.ok((node.items as ObjectNode).fields[key], `${path} has no ${key}`)
      }
      if (node.type === 'object') for (const name of node.required) assert.ok(node.fields[name], `${path}.${name}`)
    }
  })

  test(`${kind.kind}: bad input is refused, never a crash, and defaults settle`, () => {
    fc.assert(
      fc.property(valueFor(describeSchema(kind), 5), value => {
        const decoded = decodeOrRefuse(kind, value)
        if (!decoded) return
        const { object } = decoded
        kind.applyDefaults(object)
        const once = structuredClone(object)
        kind.applyDefaults(object)
        assert.deepEqual(object, once)
        if (kind.validate(object).length + decoded.errors.length > 0) return
        kind.validateUpdate(object, once)
        for (const column of kind.columns) column.value(object, 0)
        for (const read of Object.values(kind.selectableFields)) assert.equal(typeof read(object), 'string')
        const again = decodeObject(kind, JSON.parse(JSON.stringify(object)))
        assert.deepEqual(again.unknownFields, [])
        kind.applyDefaults(again.object)
        assert.deepEqual(again.object, object)
      }),
      { numRuns: 150 },
    )
  })
}

function decodeOrRefuse(kind: Kind, value: unknown) {
  try {
    return decodeObject(kind, value)
  } catch (error) {
    assert.ok(error instanceof ApiError, String((error as Error).stack))
    return undefined
  }
}

function* walk(node: SchemaNode, path: string, seen = new Set<object>()): Generator<{ node: SchemaNode; path: string }> {
  yield { node, path }
  if (node.type === 'list') yield* walk(node.items, `${path}[]`, seen)
  if (node.type === 'map') yield* walk(node.values, `${path}{}`, seen)
  if (node.type !== 'object' || seen.has(node.fields)) return
  seen.add(node.fields)
  for (const [name, field] of Object.entries(node.fields)) yield* walk(field, `${path}.${name}`, seen)
}

const TEXTS = fc.constantFrom('', 'a', 'web', 'A b', 'x.io/y', '10.0.0.1', '10.0.0.0/8', 'None', '25%', 'ClusterIP', 'RollingUpdate', '-')
const INTEGERS = fc.constantFrom(0, 1, 80, -1, 100_000)

/** Mostly what the schema wants, with fields left out, nulls and now and then something else. */
function valueFor(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  if (depth === 0) return fc.constant(null)
  const right = rightValueFor(node, depth)
  return fc.oneof(
    { weight: 60, arbitrary: right },
    { weight: 2, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom('x', 1, true, [], {}) },
  )
}

function rightValueFor(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  switch (node.type) {
    case 'object': {
      const { apiVersion: _, kind: __, ...fields } = node.fields
      // A few fields at a time: objects stay small, and every field gets its turn.
      return fc
        .tuple(fc.subarray(Object.keys(fields), { maxLength: Math.min(5, Object.keys(fields).length) }), fc.boolean())
        .chain(([chosen, complete]) =>
          fc.record(
            Object.fromEntries(
              [...new Set([...chosen, ...(complete ? node.required : [])])].map(name => [
                name,
                valueFor(node.fields[name] as SchemaNode, depth - 1),
              ]),
            ),
          ),
        )
    }
    case 'list':
      return fc.array(valueFor(node.items, depth), { maxLength: 2 })
    case 'map':
      return fc.dictionary(TEXTS, valueFor(node.values, depth), { maxKeys: 2 })
    case 'string':
      if (node.enum) return fc.constantFrom(...node.enum, 'Other')
      if (node.format === 'date-time') return fc.constantFrom('2026-01-02T03:04:05Z', '2026-01-02T03:04:05.5+01:00')
      return node.format === 'byte' ? fc.constantFrom('', 'YWJj') : TEXTS
    case 'integer':
    case 'number':
      return INTEGERS
    case 'boolean':
      return fc.boolean()
    case 'int-or-string':
      return fc.oneof(INTEGERS, TEXTS)
    case 'quantity':
      return fc.constantFrom('100m', '1Gi', 1, '-1')
    case 'any':
      return fc.constantFrom({}, 'a', { a: { b: 1 } })
  }
}
