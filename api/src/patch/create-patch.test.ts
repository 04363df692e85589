import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createStrategicPatch, createThreeWayMergePatch, createThreeWayStrategicPatch } from './create-patch.ts'
import { gadgetKind } from './gadget.ts'
import { isObject, type JsonObject } from './json.ts'
import { applyMergePatch } from './merge-patch.ts'
import { applyStrategicPatch } from './strategic-patch.ts'

const part = (name: string, rest: object = {}) => ({ name, ...rest })

/** Name; spec as applied last, as to be applied, as on the server; patch of the spec. */
const CASES: [string, object, object, object, object | undefined][] = [
  ['nothing to do', { replicas: 1 }, { replicas: 1 }, { replicas: 1, selector: { a: '1' } }, undefined],
  ['a change', { replicas: 1 }, { replicas: 2 }, { replicas: 1, selector: { a: '1' } }, { replicas: 2 }],
  ['a value someone else changed', { replicas: 1 }, { replicas: 1 }, { replicas: 5 }, { replicas: 1 }],
  ['a field given up', { replicas: 1 }, {}, { replicas: 5 }, { replicas: null }],
  ['a field given up and gone already', { replicas: 1 }, {}, {}, undefined],
  [
    'an element added',
    { parts: [part('a')] },
    { parts: [part('a'), part('b')] },
    { parts: [part('a'), part('theirs')] },
    { '$setElementOrder/parts': [{ name: 'a' }, { name: 'b' }], parts: [part('b')] },
  ],
  [
    'an element changed',
    { parts: [part('a', { image: '1' })] },
    { parts: [part('a', { image: '2' })] },
    { parts: [part('a', { image: '1', args: ['default'] })] },
    { '$setElementOrder/parts': [{ name: 'a' }], parts: [{ image: '2', name: 'a' }] },
  ],
  [
    'an element given up',
    { parts: [part('a'), part('b')] },
    { parts: [part('a')] },
    { parts: [part('a'), part('b'), part('theirs')] },
    { '$setElementOrder/parts': [{ name: 'a' }], parts: [{ $patch: 'delete', name: 'b' }] },
  ],
  [
    'elements reordered',
    { parts: [part('a'), part('b')] },
    { parts: [part('b'), part('a')] },
    { parts: [part('a'), part('b')] },
    { '$setElementOrder/parts': [{ name: 'b' }, { name: 'a' }] },
  ],
  [
    'plain values',
    { groups: ['a', 'b'] },
    { groups: ['c', 'b'] },
    { groups: ['a', 'b', 'theirs'] },
    { '$setElementOrder/groups': ['c', 'b'], groups: ['c'], '$deleteFromPrimitiveList/groups': ['a'] },
  ],
  [
    'the other of two ways',
    { strategy: { type: 'Rolling' } },
    { strategy: { type: 'Recreate' } },
    { strategy: { type: 'Rolling', rolling: { max: '1' } } },
    { strategy: { type: 'Recreate', $retainKeys: ['type'] } },
  ],
  [
    'a way that only got defaults',
    { strategy: { type: 'Rolling' } },
    { strategy: { type: 'Rolling' } },
    { strategy: { type: 'Rolling', rolling: { max: '1' } } },
    undefined,
  ],
  [
    'a volume of another kind',
    { volumes: [{ name: 'v', emptyDir: {} }] },
    { volumes: [{ name: 'v', secret: { a: '1' } }] },
    { volumes: [{ name: 'v', emptyDir: {} }] },
    {
      '$setElementOrder/volumes': [{ name: 'v' }],
      volumes: [{ name: 'v', emptyDir: null, secret: { a: '1' }, $retainKeys: ['name', 'secret'] }],
    },
  ],
  [
    'a list whose key is not unique',
    { parts: [part('a', { ports: [{ port: 53 }] })] },
    {
      parts: [
        part('a', {
          ports: [
            { port: 53, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        }),
      ],
    },
    { parts: [part('a', { ports: [{ port: 53 }] })] },
    {
      '$setElementOrder/parts': [{ name: 'a' }],
      parts: [{ name: 'a', ports: [{ $patch: 'replace' }, { port: 53, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }] }],
    },
  ],
  [
    'such a list that is as wanted',
    {},
    { parts: [part('a', { ports: [{ port: 53, protocol: 'TCP' }, { port: 53 }] })] },
    {
      parts: [
        part('a', {
          ports: [
            { port: 53, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        }),
      ],
    },
    undefined,
  ],
  ['nulls, as kubectl generates them', {}, { replicas: null, selector: { a: null, b: '1' } }, {}, { selector: { b: '1' } }],
]

test('createThreeWayStrategicPatch() says no more than is needed', () => {
  for (const [name, original, modified, current, wanted] of CASES) {
    const patch = createThreeWayStrategicPatch(gadgetKind, { spec: original }, { spec: modified }, { spec: current })
    assert.deepEqual(patch, wanted ? { spec: wanted } : {}, name)
    const after = applyStrategicPatch(gadgetKind, { spec: current }, patch)
    assert.deepEqual(createThreeWayStrategicPatch(gadgetKind, { spec: modified }, { spec: modified }, after), {}, `${name}: applied twice`)
  }
})

const few = { maxLength: 3 }
const name = fc.constantFrom('a', 'b', 'c', 'd')
const word = fc.constantFrom('1', '2')
const words = fc.dictionary(name, word, { maxKeys: 3, noNullPrototype: true })
const named = (rest: Record<string, fc.Arbitrary<unknown>>) =>
  fc.uniqueArray(fc.record({ name, ...rest }, { requiredKeys: ['name'], noNullPrototype: true }), {
    ...few,
    selector: (element: JsonObject) => element.name,
  })
const gadget = fc.record(
  {
    metadata: fc.record({ labels: words, finalizers: fc.uniqueArray(name, few) }, { requiredKeys: [], noNullPrototype: true }),
    spec: fc.record(
      {
        replicas: fc.integer({ min: 0, max: 2 }),
        selector: words,
        groups: fc.uniqueArray(name, few),
        parts: named({ image: word, args: fc.array(word, few), env: named({ value: word }) }),
        volumes: named({ emptyDir: words, secret: words }),
        strategy: fc.record({ type: word, rolling: words }, { requiredKeys: [], noNullPrototype: true }),
      },
      { requiredKeys: [], noNullPrototype: true },
    ),
  },
  { requiredKeys: ['spec'], noNullPrototype: true },
)

const nameOf = (element: unknown) => (isObject(element) ? element.name : element)

/** Whether `value` has all that `wanted` has; lists of names as a subsequence, others exactly. */
function assertContains(value: unknown, wanted: unknown, path: string): void {
  if (isObject(wanted)) {
    assert.ok(isObject(value), path)
    for (const key of Object.keys(wanted)) assertContains(value[key], wanted[key], `${path}.${key}`)
  } else if (Array.isArray(wanted) && !path.endsWith('.args')) {
    assert.ok(Array.isArray(value), path)
    const names = wanted.map(nameOf)
    assert.deepEqual(
      value.map(nameOf).filter(each => names.includes(each)),
      names,
      path,
    )
    for (const element of wanted)
      assertContains(
        value.find(other => nameOf(other) === nameOf(element)),
        element,
        `${path}[${nameOf(element)}]`,
      )
  } else {
    assert.deepEqual(value, wanted, path)
  }
}

/** Whether `value` keeps what `current` has in places that neither of the others speak of. */
function assertKeeps(value: unknown, current: unknown, others: unknown[], path: string): void {
  const retained = /\.strategy$|\.volumes\[/.test(path)
  if (isObject(current)) {
    assert.ok(isObject(value), path)
    for (const key of Object.keys(current)) {
      const spoken = others
        .filter(isObject)
        .filter(other => Object.hasOwn(other, key))
        .map(other => other[key])
      if (spoken.length === 0 && !retained) assert.deepEqual(value[key], current[key], `${path}.${key}`)
      else if (spoken.length === others.length && !path.includes('strategy'))
        assertKeeps(value[key], current[key], spoken, `${path}.${key}`)
    }
  } else if (Array.isArray(current) && !path.endsWith('.args') && others.every(Array.isArray)) {
    assert.ok(Array.isArray(value), path)
    for (const element of current) {
      if (others.flat().some(other => nameOf(other) === nameOf(element))) continue
      assert.deepEqual(
        value.find(other => nameOf(other) === nameOf(element)),
        element,
        `${path}[${nameOf(element)}]`,
      )
    }
  }
}

test('applying a three-way patch gives what is wanted, keeps what only the server has, and leaves nothing to do', () => {
  fc.assert(
    fc.property(gadget, gadget, gadget, (original, modified, current) => {
      const patch = createThreeWayStrategicPatch(gadgetKind, original, modified, current)
      const after = applyStrategicPatch(gadgetKind, current, patch)
      assertContains(after, modified, '')
      assertKeeps(after, current, [original, modified], '')
      assert.deepEqual(createThreeWayStrategicPatch(gadgetKind, modified, modified, after), {})
    }),
    { numRuns: 2_000 },
  )
})

test('a strategic patch made of two objects turns one into the other', () => {
  fc.assert(
    fc.property(gadget, gadget, (original, modified) => {
      const patch = createStrategicPatch(gadgetKind, original, modified)
      assert.deepEqual(applyStrategicPatch(gadgetKind, original, patch), modified)
    }),
    { numRuns: 1_000 },
  )
})

test('a three-way merge patch keeps what only the server has', () => {
  fc.assert(
    fc.property(gadget, gadget, gadget, (original, modified, current) => {
      const after = applyMergePatch(current, createThreeWayMergePatch(original, modified, current))
      assert.deepEqual(createThreeWayMergePatch(modified, modified, after), {})
    }),
  )
})
