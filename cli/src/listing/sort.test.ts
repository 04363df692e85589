import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sortByPath } from './index.ts'

const sorted = (values: unknown[]) =>
  sortByPath(
    values.map(v => ({ v })),
    '.v',
    item => item,
  ).map(({ v }) => v)

test('sortByPath() sorts numbers, quantities and text as what they are', () => {
  assert.deepEqual(sorted([10, 9, undefined, 1]), [undefined, 1, 9, 10])
  assert.deepEqual(sorted(['1Gi', '500Mi', '2Ki']), ['2Ki', '500Mi', '1Gi'])
  assert.deepEqual(sorted(['pod-2', 'pod-10', 'a']), ['a', 'pod-10', 'pod-2'])
})

test('sortByPath() refuses a field that no object has', () => {
  assert.throws(() => sortByPath([{ a: 1 }], '.b', item => item), /couldn't find any field with path "\{.b\}" in the list of objects/)
})
