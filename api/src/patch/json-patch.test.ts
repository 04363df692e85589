import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonPatchOperation } from '../client/client.ts'
import { isReason, type Reason } from '../status.ts'
import { applyJsonPatch } from './json-patch.ts'

const GOOD: [string, unknown, JsonPatchOperation[], unknown][] = [
  ['add a member', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
  ['add over a member', { a: 1 }, [{ op: 'add', path: '/a', value: null }], { a: null }],
  ['add into a list', { l: [1, 3] }, [{ op: 'add', path: '/l/1', value: 2 }], { l: [1, 2, 3] }],
  [
    'add at the end',
    { l: [1] },
    [
      { op: 'add', path: '/l/-', value: 2 },
      { op: 'add', path: '/l/2', value: 3 },
    ],
    { l: [1, 2, 3] },
  ],
  ['add the root', { a: 1 }, [{ op: 'add', path: '', value: [1] }], [1]],
  [
    'remove',
    { a: 1, l: [1, 2] },
    [
      { op: 'remove', path: '/a' },
      { op: 'remove', path: '/l/0' },
    ],
    { l: [2] },
  ],
  [
    'replace',
    { a: { b: 1 }, l: [1] },
    [
      { op: 'replace', path: '/a/b', value: 2 },
      { op: 'replace', path: '/l/0', value: 9 },
    ],
    { a: { b: 2 }, l: [9] },
  ],
  ['move', { a: { b: 1 }, c: {} }, [{ op: 'move', from: '/a/b', path: '/c/d' }], { a: {}, c: { d: 1 } }],
  [
    'copy',
    { a: { b: [1] } },
    [
      { op: 'copy', from: '/a/b', path: '/c' },
      { op: 'add', path: '/c/-', value: 2 },
    ],
    { a: { b: [1] }, c: [1, 2] },
  ],
  [
    'test',
    { a: { b: [1, { c: null }] } },
    [
      { op: 'test', path: '/a', value: { b: [1, { c: null }] } },
      { op: 'test', path: '/none', value: null },
    ],
    { a: { b: [1, { c: null }] } },
  ],
  [
    'escapes',
    { 'a/b': 1, 'm~n': 2 },
    [
      { op: 'remove', path: '/a~1b' },
      { op: 'replace', path: '/m~0n', value: 3 },
    ],
    { 'm~n': 3 },
  ],
  ['an empty key', { '': 1 }, [{ op: 'replace', path: '/', value: 2 }], { '': 2 }],
]

test('applyJsonPatch() carries out every operation and leaves its target alone', () => {
  for (const [name, target, operations, wanted] of GOOD) {
    const before = structuredClone(target)
    assert.deepEqual(applyJsonPatch(target, operations), wanted, name)
    assert.deepEqual(target, before, name)
  }
})

const BAD: [unknown, Reason, RegExp][] = [
  [{ op: 'test', path: '/a', value: 2 }, 'Invalid', /testing value \/a failed: test failed/],
  [{ op: 'remove', path: '/none' }, 'Invalid', /nonexistent key: none/],
  [{ op: 'remove', path: '/l/1' }, 'Invalid', /invalid index/],
  [{ op: 'add', path: '/none/x', value: 1 }, 'Invalid', /add operation does not apply: doc is missing path: "\/none\/x"/],
  [{ op: 'add', path: '/l/5', value: 1 }, 'Invalid', /invalid index/],
  [{ op: 'add', path: '/l/01', value: 1 }, 'Invalid', /invalid index/],
  [{ op: 'replace', path: '/none', value: 1 }, 'Invalid', /missing key: \/none/],
  [{ op: 'copy', from: '/none', path: '/a' }, 'Invalid', /missing from path/],
  [{ op: 'move', from: '/o', path: '/o/p' }, 'Invalid', /into itself/],
  [{ op: 'add', path: 'a', value: 1 }, 'BadRequest', /JSON pointer/],
  [{ op: 'add', path: '/a' }, 'BadRequest', /no value/],
  [{ op: 'grow', path: '/a' }, 'BadRequest', /Unexpected kind: grow/],
  [null, 'BadRequest', /JSON pointer/],
]

test('applyJsonPatch() says what does not fit', () => {
  for (const [operation, reason, message] of BAD) {
    assert.throws(
      () => applyJsonPatch({ a: 1, l: [0], o: { p: 1 } }, [operation as JsonPatchOperation]),
      err => isReason(err, reason) && message.test(err.message),
      JSON.stringify(operation),
    )
  }
})

test('applyJsonPatch() is bounded in operations and in what they copy', () => {
  const many = Array.from({ length: 10_001 }, () => ({ op: 'test' as const, path: '/a', value: 1 }))
  assert.throws(
    () => applyJsonPatch({ a: 1 }, many),
    err => isReason(err, 'RequestEntityTooLarge'),
  )
  const doubling = Array.from({ length: 60 }, () => ({ op: 'copy' as const, from: '/l', path: '/l/-' }))
  assert.throws(
    () => applyJsonPatch({ l: ['0123456789'] }, doubling),
    err => isReason(err, 'Invalid') && /copied more than/.test(err.message),
  )
})
