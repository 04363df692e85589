import assert from 'node:assert/strict'
import { test } from 'node:test'
import { apiVersionOf } from '../../kind.ts'
import { KINDS, REVIEW_KINDS, SPOKEN_KINDS } from '../../kinds/index.ts'
import { deleteOptionsSchema } from '../delete-options.ts'
import { describeSchema, describeZod, type ObjectNode, type SchemaNode } from '../describe.ts'
import { type Message, messageOf } from './messages.ts'

/** Fields that JSON has and protobuf has not, and why. */
const ABSENT: Readonly<Record<string, string>> = {
  apiVersion: 'of an object: it is in the envelope',
  kind: 'of an object: it is in the envelope',
}
const TYPED = new Set(['DeleteOptions', ...[...KINDS, ...REVIEW_KINDS, ...SPOKEN_KINDS].map(({ kind }) => kind)])

test('every field of every kind, nested too, has a number in protobuf', () => {
  const seen = new Map<object, Set<string>>()
  const wrong: string[] = []
  const visit = (node: SchemaNode, home: string, path: string): void => {
    if (node.type === 'list') visit(node.items, home, `${path}[]`)
    if (node.type === 'map') visit(node.values, home, `${path}{}`)
    if (node.type !== 'object') return
    const homes = seen.get(node.fields) ?? new Set()
    if (homes.has(home)) return
    seen.set(node.fields, homes.add(home))
    const message = node.component === undefined ? undefined : messageOf(node.component, home)
    if (!message) {
      wrong.push(`${home} ${path}: no message ${node.component}`)
      return
    }
    const numbered = namesIn(message)
    for (const [name, field] of Object.entries(node.fields)) {
      if (!numbered.has(name) && !(TYPED.has(node.component ?? '') && name in ABSENT)) wrong.push(`${home} ${path}.${name}: no number`)
      visit(field, message.home, `${path}.${name}`)
    }
  }
  for (const kind of [...KINDS, ...REVIEW_KINDS, ...SPOKEN_KINDS]) visit(describeSchema(kind), apiVersionOf(kind), kind.kind)
  visit(describeZod(deleteOptionsSchema()), 'v1', 'DeleteOptions')
  assert.deepEqual(wrong, [])
})

test('no message has a number or a name twice', () => {
  const components = new Set<ObjectNode>()
  const collect = (node: SchemaNode): void => {
    if (node.type === 'list') collect(node.items)
    else if (node.type === 'map') collect(node.values)
    else if (node.type === 'object' && ![...components].some(({ fields }) => fields === node.fields)) {
      components.add(node)
      Object.values(node.fields).forEach(collect)
    }
  }
  for (const kind of KINDS) {
    components.clear()
    collect(describeSchema(kind))
    for (const { component = '' } of components) {
      const message = messageOf(component, apiVersionOf(kind))
      const numbers = message?.fields.map(({ number }) => number) ?? []
      assert.equal(new Set(numbers).size, numbers.length, component)
      if (message) assert.equal(namesIn(message).size, listIn(message).length, component)
    }
  }
})

function namesIn(message: Message): Set<string> {
  return new Set(listIn(message))
}

function listIn({ fields, home }: Message): string[] {
  return fields.flatMap(({ name, embedded }) => {
    const inner = embedded ? messageOf(name, home) : undefined
    return inner ? listIn(inner) : [name]
  })
}
