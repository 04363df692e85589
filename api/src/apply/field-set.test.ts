import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  difference,
  differenceBelow,
  type FieldSet,
  forEachPath,
  inOrder,
  intersection,
  isFieldSet,
  isSameSet,
  NO_FIELDS,
  setOf,
  union,
} from './field-set.ts'
import { pathText } from './path-element.ts'

const element = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'v:"y"')
const path = fc.array(element, { minLength: 1, maxLength: 4 })
const paths = fc.array(path, { maxLength: 8 })
const madeOf = (list: readonly (readonly string[])[]) => list.reduce<FieldSet>((set, each) => union(set, setOf(...each)), NO_FIELDS)
const textsOf = (set: FieldSet) => {
  const texts: string[] = []
  forEachPath(set, found => texts.push(found.join('/')))
  return texts.sort()
}
const textOf = (list: readonly (readonly string[])[]) => [...new Set(list.map(each => each.join('/')))].sort()

test('a set holds the paths it was made of, and no others', () => {
  fc.assert(fc.property(paths, list => assert.deepEqual(textsOf(madeOf(list)), textOf(list))))
})

test('union, difference and intersection are those of sets of paths', () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [madeOf(left), madeOf(right)]
      const [one, other] = [textOf(left), textOf(right)]
      assert.deepEqual(textsOf(union(a, b)), [...new Set([...one, ...other])].sort())
      assert.deepEqual(
        textsOf(difference(a, b)),
        one.filter(each => !other.includes(each)),
      )
      assert.deepEqual(
        textsOf(intersection(a, b)),
        one.filter(each => other.includes(each)),
      )
      const isBelow = (each: string) => other.some(top => each === top || each.startsWith(`${top}/`))
      assert.deepEqual(
        textsOf(differenceBelow(a, b)),
        one.filter(each => !isBelow(each)),
      )
    }),
  )
})

test('the same set has the same form, however it was made; what changes nothing gives the set itself', () => {
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [madeOf(left), madeOf(right)]
      const both = union(a, b)
      assert.ok(isSameSet(both, union(b, a)))
      assert.deepEqual(JSON.parse(JSON.stringify(both)), union(b, a))
      assert.equal(union(both, a), both)
      const rest = difference(a, b)
      assert.equal(difference(rest, b), rest)
      assert.ok(isSameSet(union(rest, intersection(a, b)), a))
      assert.ok(isFieldSet(both))
    }),
  )
})

test('sets do not change what they were made of', () => {
  const frozen = (set: FieldSet): FieldSet => {
    for (const node of Object.values(set)) frozen(node)
    return Object.freeze(set)
  }
  fc.assert(
    fc.property(paths, paths, (left, right) => {
      const [a, b] = [frozen(madeOf(left)), frozen(madeOf(right))]
      for (const operation of [union, difference, intersection, differenceBelow]) operation(a, b)
    }),
  )
})

test('elements come in order of Kubernetes: itself, fields, keys, values, places', () => {
  const elements = ['i:1', 'v:1', 'k:{"a":1}', 'f:b', 'f:a', '.']
  assert.deepEqual(elements.toSorted(inOrder), ['.', 'f:a', 'f:b', 'k:{"a":1}', 'v:1', 'i:1'])
})

test('what is no set is refused', () => {
  for (const value of [null, 1, [], { x: {} }, { 'f:a': 1 }, { 'k:x': {} }, { 'v:{': {} }, { 'i:a': {} }, { 'f:a': { 'z:b': {} } }]) {
    assert.equal(isFieldSet(value), false, JSON.stringify(value))
  }
  assert.ok(isFieldSet({ 'f:a': { '.': {}, 'k:{"b":1}': {}, 'v:"x"': {}, 'i:0': {} } }))
})

test('paths read as Kubernetes writes them', () => {
  const path = ['f:spec', 'f:containers', 'k:{"containerPort":80,"protocol":"TCP"}', 'f:image']
  assert.equal(pathText(path), '.spec.containers[containerPort=80,protocol="TCP"].image')
  assert.equal(pathText(['f:metadata', 'f:finalizers', 'v:"a"']), '.metadata.finalizers[="a"]')
  assert.equal(pathText(['f:x', 'i:3']), '.x[3]')
})
