import assert from 'node:assert/strict'
import { test } from 'node:test'
import { median, percentile } from './statistics.ts'

test('median() takes the middle, or the mean of the two in the middle', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 2, 3]), 2.5)
  assert.equal(median([7]), 7)
  assert.ok(Number.isNaN(median([])))
})

test('percentile() gives a value that was measured', () => {
  const values = Array.from({ length: 30 }, (_, index) => index + 1)
  assert.equal(percentile(values, 50), 15)
  assert.equal(percentile(values, 99), 30)
  assert.equal(percentile([5], 50), 5)
  assert.ok(Number.isNaN(percentile([], 50)))
})
