import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NOT_YET } from './not-yet.ts'
import { API_TOPICS, behaviours, coverage, TOPICS } from './registry.ts'

const rows = behaviours().map(({ row }) => row)
const covered = [...TOPICS, ...API_TOPICS].flatMap(topic => topic.cases.map(({ row }) => row))
const reasoned = NOT_YET.flatMap(each => each.rows)

test('behaviours.tsv has each behaviour once, with its area and release', () => {
  assert.equal(new Set(rows).size, rows.length)
  for (const { area, since } of behaviours()) {
    assert.match(area, /^sig-/)
    assert.match(since, /^1\.\d+$/)
  }
})

test('every behaviour has exactly one case or one reason, and there are none of others', () => {
  assert.deepEqual([...covered, ...reasoned].toSorted(), rows.toSorted())
})

test('coverage() gives every row a test or a reason', () => {
  for (const { row, file, reason } of coverage()) assert.ok(file !== undefined || (reason ?? '') !== '', row)
})
