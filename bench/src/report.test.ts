import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable } from './report.ts'

test('formatTable() aligns names left and figures right', () => {
  const table = formatTable([
    ['what', 'time'],
    ['a long name', '1.00 s'],
    ['b', ''],
  ])
  assert.equal(table, 'what           time\n-----------  ------\na long name  1.00 s\nb\n')
})
