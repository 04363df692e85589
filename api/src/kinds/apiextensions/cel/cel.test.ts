import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Budget, CostError, celEnvironment } from '../../../cel/index.ts'
import { fieldErrorBody } from '../../../status.ts'
import type { JsonSchema, ValidationRule } from '../structural/json-schema.ts'
import { createRules, validateRules } from './rules.ts'

const schema = (...rules: ValidationRule[]): JsonSchema => ({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      'x-kubernetes-validations': rules,
      properties: {
        a: { type: 'integer' },
        b: { type: 'number' },
        name: { type: 'string' },
        'with-dash': { type: 'string' },
        since: { type: 'string', format: 'date-time' },
        list: { type: 'array', items: { type: 'integer' } },
        map: { type: 'object', additionalProperties: { type: 'string' } },
      },
    },
  },
})
const judge = (rule: ValidationRule, spec: object, old?: object) =>
  createRules(schema(rule))
    .validate({ spec }, old && { spec: old })
    .map(error => `${error.field}: ${fieldErrorBody(error)}`)

const TRUE: readonly [rule: string, spec: object][] = [
  ['self.a <= 3 && self.b < 1.5', { a: 3, b: 1 }],
  ['!has(self.a) || self.a > 0', {}],
  ['self.list.all(x, x > 0) && self.list.size() == 2', { list: [1, 2] }],
  ['self.list.exists_one(x, x == 1) && 2 in self.list', { list: [1, 2] }],
  ['self.map.all(k, k.startsWith("x")) && self.map["x1"] == "y"', { map: { x1: 'y' } }],
  ['self.name.matches("^a+$")', { name: 'aaa' }],
  ['self.__dash__ == 1 || self.with__dash__dash == "x"', { 'with-dash': 'x' }],
  ['self.since < timestamp("2030-01-01T00:00:00Z")', { since: '2024-01-01T00:00:00Z' }],
  ['self.list.isSorted() && self.list.sum() == 3 && self.list.max() == 2', { list: [1, 2] }],
  ['quantity(self.name).isGreaterThan(quantity("500Mi")) && isQuantity(self.name)', { name: '1Gi' }],
  ['isURL(self.name) && !isIP(self.name)', { name: 'https://example.com' }],
  ['self.name.find("[0-9]+") == "12" && self.name.replace("a", "b") == "b12"', { name: 'a12' }],
]
for (const [rule, spec] of TRUE) test(`${rule} holds`, () => assert.deepEqual(judge({ rule }, spec), []))

test('a rule that fails is told in its own words, or by itself', () => {
  assert.deepEqual(judge({ rule: 'self.a > 1' }, { a: 1 }), ['spec: Invalid value: "object": failed rule: self.a > 1'])
  assert.deepEqual(judge({ rule: 'self.a > 1', message: 'more!' }, { a: 1 }), ['spec: Invalid value: "object": more!'])
  const both = { rule: 'self.a > 1', message: 'more!', messageExpression: '"more than " + string(self.a)' }
  assert.deepEqual(judge(both, { a: 1 }), ['spec: Invalid value: "object": more than 1'])
  assert.deepEqual(judge({ rule: 'self.a > 1', fieldPath: '.a', reason: 'FieldValueForbidden' }, { a: 1 }), [
    'spec.a: Forbidden: failed rule: self.a > 1',
  ])
})

test('a rule that cannot be evaluated refuses the object', () => {
  assert.deepEqual(judge({ rule: 'self.name == "x"' }, {}), [
    'spec: Invalid value: "object": no such key: name evaluating rule: self.name == "x"',
  ])
})

test('a rule about what was before is asked only when there was something', () => {
  const rule = { rule: 'self.a >= oldSelf.a', message: 'only more' }
  assert.deepEqual(judge(rule, { a: 1 }), [])
  assert.deepEqual(judge(rule, { a: 1 }, { a: 2 }), ['spec: Invalid value: "object": only more'])
  assert.deepEqual(judge(rule, { a: 3 }, { a: 2 }), [])
})

test('a rule may ask for what was before as for something that may be none', () => {
  const rule = { rule: 'self.a > 0 && (!oldSelf.hasValue() || oldSelf.value() != self)', optionalOldSelf: true, message: 'change it' }
  assert.deepEqual(judge(rule, { a: 1 }), [])
  assert.deepEqual(judge(rule, { a: 1 }, { a: 1 }), ['spec: Invalid value: "object": change it'])
  assert.deepEqual(judge(rule, { a: 2 }, { a: 1 }), [])
})

test('what broke a rule before may stay as it is', () => {
  assert.deepEqual(judge({ rule: 'self.a > 1' }, { a: 1 }, { a: 1 }), [])
  assert.equal(judge({ rule: 'self.a > 1' }, { a: 0 }, { a: 1 }).length, 1)
})

test('rules that cost too much are ended, nested loops and regular expressions alike', () => {
  const list = Array.from({ length: 400 }, (_, i) => i)
  const loops = 'self.list.all(x, self.list.all(y, self.list.all(z, x + y + z >= 0)))'
  const before = performance.now()
  assert.deepEqual(judge({ rule: loops }, { list }), [
    '<nil>: Invalid value: "null": validation failed due to running out of cost budget, no further validation rules will be run',
  ])
  assert.ok(performance.now() - before < 5000)
  const expression = celEnvironment({ self: 'string' }).compile('self.matches("(a|b|ab)*c")')
  assert.throws(() => expression.evaluate({ self: 'ab'.repeat(100_000) }, new Budget(10_000)), CostError)
  assert.equal(expression.evaluate({ self: 'abc' }, new Budget(10_000)), true)
})

const RULES: readonly [rule: ValidationRule, wanted: RegExp][] = [
  [{ rule: ' ' }, /rule: Required value: rule is not specified/],
  [{ rule: 'self.' }, /rule: Invalid value: .*compilation failed: /s],
  [
    { rule: 'nothing.a' },
    /compilation failed: ERROR: <input>:1:1: undeclared reference to 'nothing' \(in container ''\)\n \| nothing\.a\n \| \^/,
  ],
  [{ rule: 'self.a > 0 && self.c > 0' }, /ERROR: <input>:1:20: undefined field 'c'\n \| self\.a > 0 && self\.c > 0\n \| \.{19}\^/],
  [{ rule: 'self.a + self.name == 1' }, /found no matching overload for '_\+_' applied to '\(int, string\)'/],
  [{ rule: 'self.a' }, /cel expression must evaluate to a bool/],
  [{ rule: '1 + 1' }, /cel expression must evaluate to a bool/],
  [{ rule: 'true', message: 'a\nb' }, /message must not contain line breaks/],
  [{ rule: 'true', messageExpression: '1' }, /messageExpression must evaluate to a string/],
  [{ rule: 'true', reason: 'Mood' }, /reason: Unsupported value: "Mood"/],
  [{ rule: 'true', optionalOldSelf: true }, /may not be set if oldSelf is not used in rule/],
  [{ rule: 'true', fieldPath: '.none' }, /fieldPath: Invalid value: ".none"/],
]
for (const [rule, wanted] of RULES) {
  test(`the rule ${JSON.stringify(rule)} is refused`, () => {
    const errors = validateRules(schema(rule), 'schema').map(error => `${error.field}: ${fieldErrorBody(error)}`)
    assert.equal(errors.length, 1)
    assert.match(errors[0] ?? '', wanted)
    assert.match(errors[0] ?? '', /^schema\.properties\[spec\]\.x-kubernetes-validations\[0\]\./)
  })
}

const part = (properties: Record<string, JsonSchema>): JsonSchema => ({ type: 'object', properties })
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items })
const TEXT: JsonSchema = { type: 'string' }
const NUMBER: JsonSchema = { type: 'integer' }
const ROUTE = part({
  type: TEXT,
  replicas: NUMBER,
  least: { type: 'integer', nullable: true },
  every: { type: 'string', format: 'duration' },
  when: { type: 'string', format: 'date-time' },
  free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  hosts: listOf(TEXT),
  limits: { type: 'object', additionalProperties: { 'x-kubernetes-int-or-string': true } },
  nodes: { type: 'object', additionalProperties: part({ count: NUMBER }) },
  parent: part({ name: TEXT, namespace: TEXT }),
  ports: listOf(part({ number: NUMBER, protocol: TEXT })),
  rules: listOf(part({ name: TEXT, matches: listOf(part({ path: part({ value: TEXT }) })) })),
})
/** As they are in definitions that are around. */
const TYPED = [
  'has(self.spec.parent) != has(self.spec.free) && self.spec.free.any.thing == 1',
  "self.spec.type == 'a' ? self.spec.parent == oldSelf.spec.parent : self.spec.ports == oldSelf.spec.ports",
  'self.spec.rules.all(a, !has(a.name) || self.spec.rules.exists_one(b, has(b.name) && a.name == b.name))',
  '(self.spec.rules.size() > 0 ? self.spec.rules[0].matches.size() : 0) + (self.spec.rules.size() > 1 ? 1 : 0) < 128',
  'self.spec.rules.map(r, r.matches.map(m, m.path.value)).all(vs, vs.all(v, v in self.spec.hosts))',
  "type(self.spec.limits['a']) == string ? self.spec.limits['a'] == '100%' : self.spec.limits['a'] < 100",
  'self.spec.nodes.all(n, self.spec.nodes[n].count >= oldSelf.spec.nodes[n].count)',
  "self.spec.every >= duration('1s') && self.spec.when - timestamp('2020-01-01T00:00:00Z') > duration('1h')",
  '(self.spec.least == null || self.spec.least > 0) && self.spec.parent.__namespace__ == ""',
  "self.spec.ports.filter(p, p.protocol == 'TCP').map(p, p.number).sum() < 10 && self.spec.hosts + ['a'] == ['b']",
  "self.spec.?parent.?name.orValue('') == '' || self.metadata.name.startsWith('x') && self.kind == 'Route'",
  'oldSelf.spec.ports.all(p, p in self.spec.ports) && [has(self.spec.type), has(self.spec.free)].exists_one(x, x)',
]
for (const rule of TYPED) {
  test(`the rule ${rule} compiles`, () => {
    const whole: JsonSchema = { ...part({ spec: ROUTE }), 'x-kubernetes-validations': [{ rule }] }
    assert.deepEqual(validateRules(whole, 'schema'), [])
  })
}

test('rules of thousands of small parts are looked at in a moment', { timeout: 20_000 }, () => {
  const part = (i: number): [string, JsonSchema] => {
    const rule = i === 1000 ? 'self.b == 1' : 'self.a == 1'
    return [`p${i}`, { type: 'object', properties: { a: { type: 'integer' } }, 'x-kubernetes-validations': [{ rule }] }]
  }
  const whole: JsonSchema = { type: 'object', properties: Object.fromEntries(Array.from({ length: 6000 }, (_, i) => part(i))) }
  const errors = validateRules(whole, 'schema')
  assert.deepEqual(
    errors.map(({ field }) => field),
    ['schema.properties[p1000].x-kubernetes-validations[0].rule'],
  )
})
