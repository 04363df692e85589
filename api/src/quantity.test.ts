import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  isQuantity,
  parseMilli,
  parseQuantity,
  QUANTITY_FORMAT_ERROR,
  subtractQuantities,
} from './quantity.ts'

const CASES: readonly [text: string | number, value: number, milli: number, canonical: string][] = [
  ['0', 0, 0, '0'],
  ['0.5', 0.5, 500, '500m'],
  [0.5, 0.5, 500, '500m'],
  ['.5', 0.5, 500, '500m'],
  ['5.', 5, 5000, '5'],
  ['1500m', 1.5, 1500, '1500m'],
  ['1000m', 1, 1000, '1'],
  ['250m', 0.25, 250, '250m'],
  ['+1', 1, 1000, '1'],
  ['-1.5', -1.5, -1500, '-1500m'],
  ['64Mi', 67_108_864, 67_108_864_000, '64Mi'],
  ['1024Mi', 2 ** 30, 2 ** 30 * 1000, '1Gi'],
  ['0.5Gi', 2 ** 29, 2 ** 29 * 1000, '512Mi'],
  ['1.3Ki', 1331.2, 1_331_200, '1331200m'],
  ['512Ki', 524_288, 524_288_000, '512Ki'],
  ['1k', 1000, 1_000_000, '1k'],
  ['1000k', 1e6, 1e9, '1M'],
  ['12e6', 12e6, 12e9, '12e6'],
  ['1E3', 1000, 1e6, '1e3'],
  ['1e1', 10, 10_000, '10'],
  ['1E', 1e18, 1e21, '1E'],
  ['100n', 1e-7, 1, '100n'],
  ['0.1n', 1e-9, 1, '1n'],
  ['1u', 1e-6, 1, '1u'],
  [3, 3, 3000, '3'],
]

for (const [text, value, milli, canonical] of CASES) {
  test(`quantity ${text} is ${value} and is written ${canonical}`, () => {
    assert.equal(parseQuantity(text), value)
    assert.equal(parseMilli(text), milli)
    assert.equal(formatQuantity(text), canonical)
  })
}

test('quantities refuse what Kubernetes refuses, in its words', () => {
  for (const text of ['', ' ', 'x', '1e', '1 Gi', '1GiB', '1mi', '1.2.3', '.', '+', '--1', '1Zi', 'Mi', '0x10', '1e3k', '1'.repeat(500)]) {
    assert.equal(isQuantity(text), false, text)
    assert.throws(() => parseQuantity(text), { name: 'RangeError', message: QUANTITY_FORMAT_ERROR })
    assert.throws(() => parseMilli(text), { message: QUANTITY_FORMAT_ERROR })
  }
  for (const value of [null, undefined, true, {}, []]) assert.equal(isQuantity(value), false)
})

test('quantities beyond what Kubernetes keeps are cut, and absurd exponents cost nothing', () => {
  assert.equal(formatQuantity('9e99'), formatQuantity('9223372036854775807', 'DecimalExponent'))
  assert.equal(formatQuantity('1e999999999'), formatQuantity('9e99'))
  assert.equal(formatQuantity('1e-999999999'), '1e-9')
})

test('formatQuantity() writes in the form asked for', () => {
  assert.equal(formatQuantity(2 ** 30, 'BinarySI'), '1Gi')
  assert.equal(formatQuantity(1_500_000, 'DecimalSI'), '1500k')
  assert.equal(formatQuantity('2k', 'DecimalExponent'), '2e3')
})

const quantities = fc
  .tuple(
    fc.integer({ min: -1e9, max: 1e9 }),
    fc.integer({ min: 0, max: 999 }),
    fc.constantFrom('', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'u', 'e3'),
  )
  .map(([whole, fraction, suffix]) => `${whole}.${fraction}${suffix}`)

test('a quantity written in its canonical form is the same and stays so', () => {
  fc.assert(
    fc.property(quantities, text => {
      const canonical = formatQuantity(text)
      assert.equal(compareQuantities(text, canonical), 0)
      assert.equal(formatQuantity(canonical), canonical)
      assert.equal(parseMilli(canonical), parseMilli(text))
      assert.ok(!canonical.includes('.'))
    }),
  )
})

test('compareQuantities() agrees with the numbers', () => {
  fc.assert(
    fc.property(quantities, quantities, (a, b) => {
      const difference = parseQuantity(a) - parseQuantity(b)
      // Beyond a double's precision only the exact comparison can tell.
      if (Math.abs(difference) > 1) assert.equal(Math.sign(compareQuantities(a, b)), Math.sign(difference))
    }),
  )
})

test('quantities are added exactly and written as the first, or as what it is added to when that is nothing', () => {
  assert.equal(addQuantities('250m', '0.5'), '750m')
  assert.equal(addQuantities('0', '256Mi'), '256Mi')
  assert.equal(addQuantities('1Gi', '1'), '1073741825')
  assert.equal(subtractQuantities('1Gi', '512Mi'), '512Mi')
  assert.equal(subtractQuantities('1', '1500m'), '-500m')
  fc.assert(
    fc.property(quantities, quantities, (a, b) => {
      assert.equal(compareQuantities(subtractQuantities(addQuantities(a, b), b), a), 0)
      assert.equal(compareQuantities(addQuantities(a, b), addQuantities(b, a)), 0)
    }),
  )
})
