import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeObject } from '../../../decode.ts'
import { describeSchema, type SchemaNode } from '../../../schema/describe.ts'
import { podKind } from '../pod.ts'
import { podQosClass, podResourceRequests } from './resources.ts'

/** Values a rule may stumble over, besides ordinary ones. */
const TEXTS = ['', 'a', 'A_b', '../x', '/x', 'metadata.name', "metadata.labels['a']", 'limits.cpu', '10.0.0.1', '2026-01-02T03:04:05Z']

/** Any value of the right type, with fields left out at random. */
function anyOf(node: SchemaNode, depth: number): fc.Arbitrary<unknown> {
  switch (node.type) {
    case 'object': {
      const fields = depth > 0 ? Object.entries(node.fields) : []
      return fc.record(Object.fromEntries(fields.map(([name, field]) => [name, anyOf(field, depth - 1)])), { requiredKeys: [] })
    }
    case 'list':
      return fc.array(anyOf(node.items, depth), { maxLength: 2 })
    case 'map':
      return fc.dictionary(fc.constantFrom('cpu', 'memory', 'a b', 'example.com/x'), anyOf(node.values, depth - 1), { maxKeys: 2 })
    case 'string':
      if (node.format === 'date-time') return fc.constant('2026-01-02T03:04:05Z')
      return fc.constantFrom(...(node.enum ?? TEXTS))
    case 'integer':
      return fc.constantFrom(-1, 0, 1, 80, 70_000)
    case 'boolean':
      return fc.boolean()
    case 'quantity':
      return fc.constantFrom('1', '100m', '-1', 0, '1.5Gi', '1e3')
    case 'int-or-string':
      return fc.constantFrom<unknown>(0, 80, 'http', '')
    default:
      return fc.constant('x')
  }
}

const { spec, status } = describeSchema(podKind).fields
const anyPod = fc.record(
  { spec: anyOf(spec as SchemaNode, 5), status: anyOf(status as SchemaNode, 5), metadata: fc.constant({ name: 'p' }) },
  { requiredKeys: ['metadata'] },
)

test('whatever is decoded can be defaulted (once is enough), checked, counted and shown', () => {
  fc.assert(
    fc.property(anyPod, anyPod, (raw, otherRaw) => {
      const [pod, old] = [raw, otherRaw].map(value => {
        const { object, unknownFields } = decodeObject(podKind, value)
        assert.deepEqual(unknownFields, [])
        podKind.applyDefaults(object)
        return object
      })
      assert(pod && old)
      const again = structuredClone(pod)
      podKind.applyDefaults(again)
      assert.deepEqual(again, pod)
      podKind.validate(pod)
      podKind.validateUpdate(pod, old)
      assert.deepEqual(podKind.validateUpdate(pod, structuredClone(pod)), [])
      podResourceRequests(pod)
      podQosClass(pod)
      for (const column of podKind.columns) assert.notEqual(column.value(pod, 0), undefined)
      for (const select of Object.values(podKind.selectableFields)) assert.equal(typeof select(pod), 'string')
    }),
    { numRuns: 150 },
  )
})
