import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { duplicateFields } from './duplicate-fields.ts'

const CASES: readonly [json: string, wanted: string[]][] = [
  ['{}', []],
  ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":1}]}', []],
  ['{"a":1,"a":2,"a":3}', ['a']],
  ['{"metadata":{"name":"x","labels":{},"name":"y"}}', ['metadata.name']],
  ['{"spec":{"containers":[{"name":"a"},{"image":"x","image":"y"}]},"spec":{}}', ['spec.containers[1].image', 'spec']],
  ['{"a":"a","b":["a","a"],"c":"{\\"a\\":1,\\"a\\":2}"}', []],
  ['{"a":1,"\\u0061":2}', ['a']],
  ['[[{"x":1,"x":2}]]', ['[0][0].x']],
  ['"a"', []],
]

for (const [json, wanted] of CASES) {
  test(`duplicateFields() of ${json}`, () => {
    assert.deepEqual(duplicateFields(Buffer.from(json)), wanted)
  })
}

test('duplicateFields() finds none in what JSON.stringify makes', () => {
  fc.assert(fc.property(fc.json(), json => duplicateFields(Buffer.from(json)).length === 0))
})
