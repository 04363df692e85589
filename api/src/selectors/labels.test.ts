import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LabelSelector } from '../meta.ts'
import { formatLabelSelector, parseLabelSelector, selectorFromLabelSelector, selectorFromMap } from './labels.ts'

const MATCHES: readonly [selector: string, labels: Record<string, string> | undefined, matches: boolean][] = [
  ['', undefined, true],
  ['a=b', { a: 'b' }, true],
  ['a=b', { a: 'c' }, false],
  ['a=b', undefined, false],
  ['a==b', { a: 'b' }, true],
  ['a!=b', { a: 'c' }, true],
  ['a!=b', {}, true],
  ['a=', { a: '' }, true],
  ['a', { a: '' }, true],
  ['a', {}, false],
  ['!a', {}, true],
  ['!a', { a: 'x' }, false],
  ['a in (x,y)', { a: 'y' }, true],
  ['a in (x, y)', { a: 'z' }, false],
  ['a notin (x,y)', {}, true],
  ['a notin (x,y)', { a: 'x' }, false],
  ['a>3', { a: '4' }, true],
  ['a>3', { a: '3' }, false],
  ['a<3', { a: 'x' }, false],
  ['a<3', { a: '-2' }, true],
  ['a=b,c in (d,e),!f', { a: 'b', c: 'e' }, true],
  ['a=b,c in (d,e),!f', { a: 'b', c: 'e', f: '' }, false],
  ['in in (in,notin)', { in: 'notin' }, true],
  ['constructor', {}, false],
]

for (const [selector, labels, matches] of MATCHES) {
  test(`${JSON.stringify(selector)} ${matches ? 'selects' : 'does not select'} ${JSON.stringify(labels)}`, () => {
    assert.equal(parseLabelSelector(selector).matches(labels), matches)
  })
}

const NAME_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
const REFUSALS: readonly [selector: string, message: string][] = [
  ['!', "unable to parse requirement: found '', expected: identifier"],
  ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ['-a', `unable to parse requirement: <nil>: Invalid value: "-a": ${NAME_WORDS}`],
  ['a in b', "unable to parse requirement: found 'b' expected: '('"],
  ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
  ['a in ()', "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"],
  ['a>b', `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`],
  ['a=b c', "found 'c', expected: ',' or 'end of string'"],
  ['a=b,', "found '', expected: identifier after ','"],
  ['=b', "found '=', expected: !, identifier, or 'end of string'"],
]

for (const [selector, message] of REFUSALS) {
  test(`${JSON.stringify(selector)} is refused as Kubernetes does`, () => {
    assert.throws(() => parseLabelSelector(selector), { name: 'ApiError', message, reason: 'BadRequest' })
  })
}

test('an absurdly long selector is refused before it costs anything', () => {
  assert.throws(() => parseLabelSelector('a,'.repeat(100_000)), { reason: 'BadRequest' })
})

test('a LabelSelector object selects by all its parts; none selects nothing, an empty one everything', () => {
  const selector = selectorFromLabelSelector({
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['b', 'a'] },
      { key: 'old', operator: 'DoesNotExist' },
    ],
  })
  assert.equal(selector.toString(), 'app=web,!old,tier in (a,b)')
  assert.ok(selector.matches({ app: 'web', tier: 'a' }))
  assert.ok(!selector.matches({ app: 'web', tier: 'a', old: '' }))
  assert.ok(!selectorFromLabelSelector(undefined).matches({}))
  assert.ok(selectorFromLabelSelector({}).matches({ any: 'thing' }))
  assert.throws(() => selectorFromLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Near' as 'In' }] }), {
    message: '"Near" is not a valid label selector operator',
  })
  // Found by the property below.
  assert.equal(formatLabelSelector({ matchExpressions: [{ key: 'a', operator: 'In', values: ['2', '2'] }] }), 'a in (2)')
  assert.equal(formatLabelSelector(undefined), '<none>')
  assert.equal(formatLabelSelector({ matchExpressions: [{ key: 'a', operator: 'In' }] }), '<error>')
})

test('a selector of labels alone selects nothing when it is empty', () => {
  assert.ok(selectorFromMap({ a: 'b' }).matches({ a: 'b', c: 'd' }))
  assert.ok(!selectorFromMap({}).matches({}))
  assert.ok(!selectorFromMap(undefined).matches({}))
})

const words = fc.stringMatching(/^[a-z0-9]([a-z0-9_.-]{0,8}[a-z0-9])?$/)
const expressions: fc.Arbitrary<NonNullable<LabelSelector['matchExpressions']>[number]> = fc.oneof(
  fc.record({
    key: words,
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(words, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key: words, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
)
const selectors = fc.record({
  matchLabels: fc.dictionary(words, words, { maxKeys: 3 }),
  matchExpressions: fc.array(expressions, { maxLength: 3 }),
})

test('the text of a selector parses to one that selects the same and has the same text', () => {
  fc.assert(
    fc.property(selectors, fc.dictionary(words, words, { maxKeys: 4 }), (object, labels) => {
      const selector = selectorFromLabelSelector(object)
      const parsed = parseLabelSelector(selector.toString())
      assert.equal(parsed.toString(), selector.toString())
      const all = { ...labels, ...object.matchLabels }
      assert.equal(parsed.matches(all), selector.matches(all))
      assert.equal(parsed.matches(labels), selector.matches(labels))
    }),
  )
})

test('no text makes the parser fail otherwise than by BadRequest', () => {
  const texts = fc
    .array(fc.constantFrom('a', 'in', 'notin', '=', '==', '!=', '!', '(', ')', ',', '>', '<', ' ', '-', 'b/c', 'ä'))
    .map(parts => parts.join(''))
  fc.assert(
    fc.property(texts, text => {
      try {
        parseLabelSelector(text)
      } catch (error) {
        assert.equal((error as { reason?: string }).reason, 'BadRequest')
      }
    }),
  )
})
