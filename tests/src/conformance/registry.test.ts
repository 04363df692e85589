import assert from 'node:assert/strict'
import { test } from 'node:test'
import { behaviours, coverage, TOPICS } from './registry.ts'

const rows = behaviours().map(({ row }) => row)
const cases = TOPICS.flatMap(topic => topic.cases)

test('behaviours.tsv has each behaviour once, with its area and release', () => {
  assert.equal(new Set(rows).size, rows.length)
  for (const { area, since } of behaviours()) {
    assert.match(area, /^sig-/)
    assert.match(since, /^1\.\d+$/)
  }
})

test('every behaviour has exactly one case, and every case is a behaviour of the list', () => {
  assert.deepEqual(cases.map(({ row }) => row).toSorted(), rows.toSorted())
})

test('coverage() gives every row a test or a reason', () => {
  for (const { row, file, reason } of coverage()) assert.ok(file !== undefined || (reason ?? '') !== '', row)
})
