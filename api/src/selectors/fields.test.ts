import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { configMapKind } from '../kinds/core/config-map.ts'
import { secretKind } from '../kinds/core/secret.ts'
import { fieldMatcher, formatFieldSelector, parseFieldSelector } from './fields.ts'

test('field selectors are read with their operators and escapes', () => {
  assert.deepEqual(parseFieldSelector(''), [])
  assert.deepEqual(parseFieldSelector('a.b=c,d!=e,f==g,'), [
    { field: 'a.b', operator: '=', value: 'c' },
    { field: 'd', operator: '!=', value: 'e' },
    { field: 'f', operator: '=', value: 'g' },
  ])
  assert.deepEqual(parseFieldSelector('a=b\\,c\\=d\\\\'), [{ field: 'a', operator: '=', value: 'b,c=d\\' }])
})

const REFUSALS: readonly [selector: string, message: string][] = [
  ['a', "invalid selector: 'a'; can't understand 'a'"],
  ['a=b,c', "invalid selector: 'a=b,c'; can't understand 'c'"],
  ['a=b=c', 'invalid field selector: unescaped character in value: ='],
  ['a=\\b', 'invalid field selector: invalid escape sequence: \\b'],
]
for (const [selector, message] of REFUSALS) {
  test(`field selector ${selector} is refused`, () => assert.throws(() => parseFieldSelector(selector), { message, reason: 'BadRequest' }))
}

test('what a field selector says is what is parsed from its text', () => {
  const requirements = fc.array(
    fc.record({
      field: fc.constantFrom('metadata.name', 'spec.nodeName'),
      operator: fc.constantFrom('=' as const, '!=' as const),
      value: fc.string(),
    }),
  )
  fc.assert(
    fc.property(requirements, list =>
      assert.deepEqual(
        parseFieldSelector(formatFieldSelector(list)),
        list.map(item => ({ ...item })),
      ),
    ),
  )
})

test('fieldMatcher() selects by name, namespace and what the kind offers, and by nothing else', () => {
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', namespace: 'n' }, type: 'Opaque' }
  const matches = (selector: string) => fieldMatcher(secretKind, parseFieldSelector(selector))(secret)
  assert.ok(matches('metadata.name=a,metadata.namespace=n,type!=x'))
  assert.ok(!matches('type=kubernetes.io/tls'))
  assert.throws(() => matches('spec.foo=1'), { message: 'field label not supported: spec.foo' })
  assert.throws(() => fieldMatcher(configMapKind, parseFieldSelector('x=1')), {
    message: '"x" is not a known field selector: only "metadata.name", "metadata.namespace"',
  })
})
