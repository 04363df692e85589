import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isReason } from '../status.ts'
import { createMergePatch, createThreeWayMergePatch } from './create-patch.ts'
import { applyMergePatch } from './merge-patch.ts'

/** RFC 7386, appendix A. */
const CASES: [unknown, unknown, unknown][] = [
  [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
  [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
  [{ a: 'b' }, { a: null }, {}],
  [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
  [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
  [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
  [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
  [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
  [
    ['a', 'b'],
    ['c', 'd'],
    ['c', 'd'],
  ],
  [{ a: 'b' }, ['c'], ['c']],
  [{ a: 'foo' }, null, null],
  [{ a: 'foo' }, 'bar', 'bar'],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: 'b', c: null }, { a: 'b' }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
]

test('applyMergePatch() does what the RFC shows, and leaves its arguments alone', () => {
  for (const [target, patch, wanted] of CASES) {
    const before = structuredClone([target, patch])
    assert.deepEqual(applyMergePatch(target, patch), wanted)
    assert.deepEqual([target, patch], before)
  }
})

test('applyMergePatch() takes no prototype for data and refuses bottomless patches', () => {
  const merged = applyMergePatch({ a: 1 }, JSON.parse('{"__proto__":{"polluted":true},"constructor":{"x":1}}')) as Record<string, unknown>
  assert.equal(merged.polluted, undefined)
  assert.equal(({} as Record<string, unknown>).polluted, undefined)
  const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)
  assert.throws(
    () => applyMergePatch({}, deep),
    err => isReason(err, 'BadRequest'),
  )
})

const value = fc.letrec(tie => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.integer({ min: 0, max: 3 }),
    fc.string({ maxLength: 2 }),
    fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 2 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('json'), { noNullPrototype: true }),
})).object

test('a merge patch made of two objects turns one into the other', () => {
  fc.assert(
    fc.property(value, value, (original, modified) => {
      const patch = createMergePatch(original, modified)
      assert.deepEqual(applyMergePatch(original, patch), modified)
      assert.deepEqual(createMergePatch(modified, modified), {})
    }),
    { numRuns: 500 },
  )
})

test('createThreeWayMergePatch() removes what was dropped, sets what is wanted and keeps what others set', () => {
  const original = { a: 1, b: 1, nested: { x: 1, y: 1 }, list: [1] }
  const modified = { b: 2, nested: { x: 1 }, list: [1, 2] }
  const current = { a: 1, b: 1, nested: { x: 1, y: 1, theirs: 1 }, list: [1], theirs: 1 }
  assert.deepEqual(createThreeWayMergePatch(original, modified, current), { a: null, b: 2, nested: { y: null }, list: [1, 2] })
})
