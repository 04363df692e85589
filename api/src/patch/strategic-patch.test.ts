import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReason } from '../status.ts'
import { gadgetKind } from './gadget.ts'
import { applyStrategicPatch } from './strategic-patch.ts'

const part = (name: string, rest: object = {}) => ({ name, ...rest })

/** Name, spec before, patch of the spec, spec after. */
const CASES: [string, object, object, object][] = [
  [
    'merges objects and drops nulls',
    { replicas: 1, selector: { a: '1', b: '2' } },
    { replicas: 2, selector: { b: null, c: '3' } },
    { replicas: 2, selector: { a: '1', c: '3' } },
  ],
  [
    'merges a keyed list, element by element',
    { parts: [part('a', { image: '1' }), part('b', { image: '1' })] },
    { parts: [part('b', { image: '2' })] },
    { parts: [part('a', { image: '1' }), part('b', { image: '2' })] },
  ],
  ['puts new elements first, as Kubernetes does', { parts: [part('a')] }, { parts: [part('new')] }, { parts: [part('new'), part('a')] }],
  [
    'merges lists within elements',
    { parts: [part('a', { env: [{ name: 'X', value: '1' }] })] },
    { parts: [part('a', { env: [{ name: 'X', value: '2' }] })] },
    { parts: [part('a', { env: [{ name: 'X', value: '2' }] })] },
  ],
  [
    'replaces a list without rules',
    { parts: [part('a', { args: ['1', '2'] })] },
    { parts: [part('a', { args: ['3'] })] },
    { parts: [part('a', { args: ['3'] })] },
  ],
  ['deletes an element', { parts: [part('a'), part('b')] }, { parts: [{ $patch: 'delete', name: 'a' }] }, { parts: [part('b')] }],
  [
    'ignores the deletion of what is not there',
    { parts: [part('b')] },
    { parts: [{ $patch: 'delete', name: 'a' }] },
    { parts: [part('b')] },
  ],
  [
    'leaves no directive in a list that was not there',
    {},
    { parts: [{ $patch: 'delete', name: 'a' }, part('b', { image: null })] },
    { parts: [part('b')] },
  ],
  ['replaces a keyed list', { parts: [part('a'), part('b')] }, { parts: [{ $patch: 'replace' }, part('c')] }, { parts: [part('c')] }],
  ['replaces an object', { selector: { a: '1' } }, { selector: { $patch: 'replace', b: '2' } }, { selector: { b: '2' } }],
  ['empties an object', { selector: { a: '1' } }, { selector: { $patch: 'delete' } }, { selector: {} }],
  [
    'merges when told so',
    { selector: { a: '1' }, parts: [part('a', { image: '1' })] },
    { selector: { $patch: 'merge', b: '2' }, parts: [{ $patch: 'merge', name: 'a', image: '2' }] },
    { selector: { a: '1', b: '2' }, parts: [part('a', { image: '2' })] },
  ],
  ['deletes a list', { parts: [part('a')], groups: ['x'] }, { parts: null, groups: null }, {}],
  ['adds to a list of plain values once', { groups: ['a', 'b'] }, { groups: ['b', 'c'] }, { groups: ['a', 'b', 'c'] }],
  [
    'deletes from a list of plain values',
    { groups: ['a', 'b', 'c'] },
    { '$deleteFromPrimitiveList/groups': ['a', 'x'], groups: ['d'] },
    { groups: ['d', 'b', 'c'] },
  ],
  ['orders plain values', { groups: ['a', 'b', 'server'] }, { '$setElementOrder/groups': ['b', 'a'] }, { groups: ['b', 'a', 'server'] }],
  [
    'orders elements and keeps the server’s in their place',
    { parts: [part('a'), part('server'), part('b')] },
    { '$setElementOrder/parts': [{ name: 'a' }, { name: 'b' }, { name: 'c' }], parts: [part('c')] },
    { parts: [part('a'), part('server'), part('b'), part('c')] },
  ],
  [
    'reorders',
    { parts: [part('a'), part('b'), part('c')] },
    { '$setElementOrder/parts': [{ name: 'c' }, { name: 'a' }, { name: 'b' }] },
    { parts: [part('c'), part('a'), part('b')] },
  ],
  [
    'deletes and orders',
    { parts: [part('a'), part('b'), part('c')] },
    { '$setElementOrder/parts': [{ name: 'c' }, { name: 'a' }], parts: [{ $patch: 'delete', name: 'b' }] },
    { parts: [part('c'), part('a')] },
  ],
  ['ignores an order of nothing', {}, { '$setElementOrder/parts': [{ name: 'a' }] }, {}],
  [
    'retains only the keys named',
    { strategy: { type: 'Rolling', rolling: { max: '1' } } },
    { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
    { strategy: { type: 'Recreate' } },
  ],
  [
    'retains keys of elements',
    { volumes: [{ name: 'v', emptyDir: {} }] },
    { volumes: [{ name: 'v', $retainKeys: ['name', 'secret'], secret: { a: '1' } }] },
    { volumes: [{ name: 'v', secret: { a: '1' } }] },
  ],
  ['merges fields nobody knows', { unknown: { a: [1], b: 1 } }, { unknown: { a: [2], c: null } }, { unknown: { a: [2], b: 1 } }],
]

test('applyStrategicPatch() merges by the rules of the schema and leaves its arguments alone', () => {
  for (const [name, before, patch, wanted] of CASES) {
    const target = { apiVersion: 'test/v1', kind: 'Gadget', metadata: { name: 'g' }, spec: before }
    const copies = structuredClone([target, patch])
    assert.deepEqual(applyStrategicPatch(gadgetKind, target, { spec: patch }), { ...target, spec: wanted }, name)
    assert.deepEqual([target, patch], copies, name)
  }
})

test('applyStrategicPatch() knows the lists of metadata', () => {
  const owner = (uid: string, controller = false) => ({ apiVersion: 'v1', kind: 'Node', name: uid, uid, controller })
  const target = { metadata: { name: 'g', finalizers: ['a', 'b'], ownerReferences: [owner('1'), owner('2')] } }
  const patch = {
    metadata: {
      '$deleteFromPrimitiveList/finalizers': ['a'],
      ownerReferences: [
        { $patch: 'delete', uid: '1' },
        { uid: '2', controller: true },
      ],
    },
  }
  assert.deepEqual(applyStrategicPatch(gadgetKind, target, patch), {
    metadata: { name: 'g', finalizers: ['b'], ownerReferences: [owner('2', true)] },
  })
})

const BAD: [object | null, RegExp][] = [
  [{ spec: { parts: [{ image: 'x' }] } }, /does not contain declared merge key: name/],
  [{ spec: { parts: [{ $patch: 'explode', name: 'a' }] } }, /unknown patch type \[explode\] found in list/],
  [{ spec: { $patch: 'explode' } }, /unknown patch type \[explode\] found in map/],
  [{ spec: { strategy: { $retainKeys: ['rolling'], type: 'x' } } }, /"type" is missing/],
  [{ spec: { '$setElementOrder/parts': [{ name: 'a' }], parts: [{ name: 'b' }] } }, /"b" is missing/],
  [{ spec: { '$setElementOrder/parts': 'x' } }, /must be a list/],
  [null, /must be an object/],
]

test('applyStrategicPatch() refuses what makes no sense', () => {
  const target = { spec: { parts: [part('a')] } }
  for (const [patch, message] of BAD) {
    assert.throws(
      () => applyStrategicPatch(gadgetKind, target, patch),
      err => isReason(err, 'BadRequest') && message.test(err.message),
      JSON.stringify(patch),
    )
  }
})
