import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Budget, CompileError, celEnvironment, celOf, jsonOf } from './index.ts'

const environment = celEnvironment({ object: 'dyn' }, { hasLiterals: true })
const compile = (text: string) => environment.compile(text)
const object = celOf({ spec: { replicas: 2, containers: [{ name: 'a' }, { name: 'b' }] }, metadata: { labels: { 'x/y': 'z' } } })
const made = (text: string, place?: string) => jsonOf(compile(text).evaluate({ object }, new Budget(100_000)), place)

const MADE: readonly [text: string, json: unknown][] = [
  ['Object{}', {}],
  ['Object{spec: Object.spec{replicas: object.spec.replicas + 1}}', { spec: { replicas: 3 } }],
  [
    'Object { // of the\n metadata: Object . metadata { namespace: "a", labels: {"k{": "Object{"} , } }',
    { metadata: { namespace: 'a', labels: { 'k{': 'Object{' } } },
  ],
  [
    'Object{spec: Object.spec{containers: object.spec.containers.map(c, Object.spec.containers{name: c.name, ready: true})}}',
    {
      spec: {
        containers: [
          { name: 'a', ready: true },
          { name: 'b', ready: true },
        ],
      },
    },
  ],
  [
    'Object{?metadata: object.?metadata, ?status: object.?status, spec: true ? {"a": 1} : {}}',
    { metadata: { labels: { 'x/y': 'z' } }, spec: { a: 1 } },
  ],
  ['object.spec.replicas > 1 ? Object{a: [1u, 2.5, null]} : Object{}', { a: [1, 2.5, null] }],
  [
    "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a~b/c'), value: Object.x{y: 1}}]",
    [{ op: 'add', path: '/metadata/labels/a~0b~1c', value: { y: 1 } }],
  ],
  [`[JSONPatch{op: 'test', path: r'\\d', from: """a"b"""}]`, [{ op: 'test', path: '\\d', from: 'a"b' }]],
]
for (const [text, json] of MADE) test(`${text} is made`, () => assert.deepEqual(made(text), json))

test('objects made by name have types', () => {
  const types = (...texts: string[]) => texts.map(text => compile(text).type)
  assert.deepEqual(types('Object{}', 'true ? Object{} : Object{a: 1}', '{"a": 1}'), ['Object', 'Object', 'map<string, int>'])
  assert.deepEqual(types('[JSONPatch{op: "add"}]', 'true ? [JSONPatch{}] : []', '[]', '[JSONPatch{}] + [JSONPatch{}]'), [
    'list<JSONPatch>',
    'list<JSONPatch>',
    'list<T>',
    'list<JSONPatch>',
  ])
})

test('a name that is not that of its place is told', () => {
  const words =
    'type mismatch: unexpected type name "Object.spek", expected "Object.spec", which matches field name path from root Object type'
  assert.throws(() => made('Object{spec: Object.spek{}}'), { message: words })
  assert.throws(() => made('Object{spec: Object.spec{containers: [Object.spec{}]}}'), /expected "Object.spec.containers"/)
  assert.throws(() => made('Object.spec{}', 'Object'), /unexpected type name "Object.spec", expected "Object"/)
})

const WRONG: readonly [text: string, words: string][] = [
  [
    'Object{spec: objekt}',
    "ERROR: <input>:1:14: undeclared reference to 'objekt' (in container '')\n | Object{spec: objekt}\n | .............^",
  ],
  ['JSONPatch{what: 1}', "ERROR: <input>:1:11: undefined field 'what'"],
  ['JSONPatch{op: 1}', "expected type of field 'op' is 'string' but provided type is 'int'"],
  ['Object{"spec": 1}', 'ERROR: <input>:1:8: Syntax error: a name of a field is wanted'],
  ['Other{a: 1}', 'Syntax error'],
  ['object.Object{a: 1}', 'Syntax error'],
]
for (const [text, words] of WRONG) {
  test(`${text} does not compile`, () => {
    assert.throws(
      () => compile(text),
      (error: Error) => error instanceof CompileError && (error.message.includes(words) || assert.fail(error.message)),
    )
  })
}

test('where no objects are made their names are unknown', () => {
  assert.throws(() => celEnvironment({ object: 'dyn' }).compile('Object{}'), CompileError)
})
