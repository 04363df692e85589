import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isConfigMapKey,
  isDnsLabel,
  isDnsSubdomain,
  isEnvVarName,
  isLabelValue,
  isPathSegment,
  isPortName,
  isPortNumber,
  isQualifiedName,
  isServiceName,
} from './names.ts'

const LONG = 'a'.repeat(64)

const CASES: readonly [check: (value: string) => string | undefined, right: string[], wrong: string[]][] = [
  [isDnsLabel, ['a', 'my-name', '123-abc', 'a'.repeat(63)], ['', '-a', 'a-', 'A', 'a.b', 'a_b', LONG, 'a\n']],
  [isDnsSubdomain, ['a', 'example.com', 'a'.repeat(253)], ['', '.a', 'a..b', 'A.b', 'a-.b', 'a'.repeat(254)]],
  [isServiceName, ['a', 'abc-123'], ['', '1a', 'a.b', 'A', LONG]],
  [
    isQualifiedName,
    ['a', 'A_b.c', 'example.com/MyName', 'app.kubernetes.io/name'],
    ['', '/a', 'a/', 'a/b/c', 'Example.com/a', 'a b', '-a', LONG],
  ],
  [isLabelValue, ['', 'a', 'A_b.c', '1'], ['-', 'a b', 'a/b', 'ä', LONG]],
  [isEnvVarName, ['A', 'my.env-name', '1a', 'a b', '..'], ['', 'a=b', 'ä', 'a\nb']],
  [isConfigMapKey, ['a', '.a', 'KEY_NAME', 'a..b'], ['', '.', '..', '..a', 'a/b', 'a b', 'a'.repeat(254)]],
  [isPathSegment, ['a', 'system:node', 'A b', '...'], ['.', '..', 'a/b', 'a%b']],
  [isPortName, ['http', 'p2', 'a-b'], ['', 'Http', '80', 'a--b', '-a', 'a-', 'a'.repeat(16), 'a_b']],
]

for (const [check, right, wrong] of CASES) {
  test(`${check.name}() takes what Kubernetes takes`, () => {
    for (const value of right) assert.equal(check(value), undefined, value)
    for (const value of wrong) assert.equal(typeof check(value), 'string', value)
  })
}

test('names are refused in the words of Kubernetes', () => {
  assert.equal(
    isDnsSubdomain('My_Pod'),
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
  )
  assert.equal(isDnsLabel('a.b'), 'must not contain dots')
  assert.equal(isDnsLabel(LONG), 'must be no more than 63 bytes')
  assert.equal(
    isServiceName('1a'),
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  )
  assert.equal(
    isQualifiedName('a b'),
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
  )
  assert.equal(isConfigMapKey('..a'), "must not start with '..'")
})

test('isPortNumber() takes 1 to 65535', () => {
  for (const port of [1, 80, 65535]) assert.equal(isPortNumber(port), undefined)
  for (const port of [0, -1, 65536, 1.5]) assert.equal(isPortNumber(port), 'must be between 1 and 65535, inclusive')
})
