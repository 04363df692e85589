import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configErrors, joinedErrors } from './check-config.ts'
import { WIDGET } from './widget.ts'

test('a configuration without fault has no errors', () => {
  const parts = [{ name: 'a', ports: [{ port: 1 }, { port: 1, protocol: 'UDP' }] }, { name: 'b' }]
  assert.deepEqual(configErrors(WIDGET, { spec: { parts, groups: ['x', 'y'], free: { any: { thing: [1, 1] } }, replicas: null } }), [])
})

test('what cannot be applied is named by its path', () => {
  const table: [unknown, string][] = [
    [{ nonsense: 1 }, '.spec.nonsense: field not declared in schema'],
    [{ parts: [{ name: 'a', x: 1 }] }, '.spec.parts[name="a"].x: field not declared in schema'],
    [{ parts: [{ name: 'a' }, { name: 'a' }] }, '.spec.parts: duplicate entries for key [name="a"]'],
    [{ groups: ['x', 'x'] }, '.spec.groups: duplicate entries for key [="x"]'],
    [{ groups: [{}] }, ".spec.groups: element 0: associative list without keys has an element that's a map type"],
    [{ parts: [null] }, '.spec.parts: element 0: associative list with keys may not have a null element'],
    [
      { parts: [{ image: 'i' }] },
      `.spec.parts: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)`,
    ],
  ]
  for (const [spec, error] of table) assert.deepEqual(configErrors(WIDGET, { spec }), [error])
})

test('several errors are one text, in order, each once', () => {
  assert.equal(joinedErrors(['one']), 'one')
  assert.equal(joinedErrors(['.b: x', '.a: x', '.b: x']), 'errors:\n  .a: x\n  .b: x')
})
