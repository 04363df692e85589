import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { deploymentKind } from '../kinds/apps/deployment.ts'
import { podKind } from '../kinds/core/pod.ts'
import { serviceKind } from '../kinds/core/service.ts'
import { describeSchema, describeZod, type ObjectNode, type SchemaNode } from './describe.ts'
import { field, int32, intOrString, object, oneOf, quantityMap, required, string, strings } from './fields.ts'

/** The node at a path such as `spec.template.spec`; `[]` and `{}` go into lists and maps. */
function at(node: SchemaNode, path: string): SchemaNode {
  return path.split('.').reduce((here, step) => {
    if (here.type === 'list') return here.items
    if (here.type === 'map') return here.values
    return (here as ObjectNode).fields[step] as SchemaNode
  }, node)
}

test('describeSchema() tells what zod and the fields know', () => {
  const service = describeSchema(serviceKind)
  assert.equal(service.component, 'Service')
  assert.deepEqual(Object.keys(service.fields), ['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const ports = at(service, 'spec.ports')
  assert.equal(ports.type, 'list')
  assert.equal(ports.meta.mergeKey, 'port')
  assert.equal(ports.meta.patchStrategy, 'merge')
  assert.deepEqual(ports.meta.listMapKeys, ['port', 'protocol'])
  assert.deepEqual((at(service, 'spec.ports.[]') as ObjectNode).required, ['port'])
  assert.equal(at(service, 'spec.ports.[].targetPort').type, 'int-or-string')
  assert.deepEqual(at(describeSchema(deploymentKind), 'spec.strategy').meta.patchStrategy, 'retainKeys')
})

test('describeSchema() makes one tree for a kind, and one of what kinds share', () => {
  assert.equal(describeSchema(podKind), describeSchema(podKind))
  const own = at(describeSchema(podKind), 'spec') as ObjectNode
  const embedded = at(describeSchema(deploymentKind), 'spec.template.spec') as ObjectNode
  assert.equal(own.component, 'PodSpec')
  assert.equal(embedded.fields, own.fields)
})

test('describeZod() keeps a use of an object apart from the object', () => {
  const inner = object('Inner', 'The object.', { a: required(string('A.')), b: oneOf(['x', 'y'], 'B.') })
  const node = describeZod(
    object('Outer', 'All.', {
      one: field(inner, 'One use.'),
      two: required(field(inner, 'Another use.')),
      amounts: quantityMap('Amounts.'),
      names: strings('Names.', { listType: 'set' }),
      count: int32('Count.'),
      either: intOrString('Either.'),
    }),
  ) as ObjectNode
  assert.deepEqual(node.required, ['two'])
  assert.deepEqual([node.fields.one?.description, node.fields.two?.description], ['One use.', 'Another use.'])
  assert.deepEqual([node.fields.one?.meta.component, node.fields.two?.meta.component], ['Inner', 'Inner'])
  assert.deepEqual((at(node, 'one.b') as { enum?: string[] }).enum, ['x', 'y'])
  assert.equal(at(node, 'amounts.{}').type, 'quantity')
  assert.deepEqual([at(node, 'count').type, (at(node, 'count') as { format?: string }).format], ['integer', 'int32'])
  assert.equal(node.fields.constructor, undefined)
})

test('describeZod() describes a schema that holds itself', () => {
  const tree: z.ZodObject = z.object({ name: z.string(), children: z.lazy(() => z.array(tree)).optional() })
  const node = describeZod(tree) as ObjectNode
  assert.equal((at(node, 'children.[]') as ObjectNode).fields, node.fields)
})
