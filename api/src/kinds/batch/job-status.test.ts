import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fieldErrorBody } from '../../status.ts'
import { stored } from '../testing.ts'
import { jobKind } from './job.ts'
import { commonIndex, countIndexes } from './job-indexes.ts'

const start = '2026-01-01T00:00:00Z'
const end = '2026-01-01T00:01:00Z'
const conditions = (...types: string[]) => ({ conditions: types.map(type => ({ type, status: 'True' })) })
const complete = { startTime: start, completionTime: end, ...conditions('SuccessCriteriaMet', 'Complete'), succeeded: 1 }
const failed = { startTime: start, ...conditions('FailureTarget', 'Failed'), failed: 7 }
const job = (status: object, spec: object = {}) => stored(jobKind, { spec: { template: {}, ...spec }, status })

/** What is wrong with `status` after `old`. */
function check(status: object, old: object = {}, spec: object = {}): string[] {
  const errors = jobKind.validateStatus?.(job(status, spec), job(old, spec)) ?? []
  return errors.map(error => `${error.field}: ${fieldErrorBody(error)}`)
}

test('a Job may run, be complete and fail', () => {
  assert.deepEqual(check({ startTime: start, active: 2, ready: 1, uncountedTerminatedPods: { succeeded: ['a'], failed: ['b'] } }), [])
  assert.deepEqual(check(complete), [])
  assert.deepEqual(check(failed), [])
  assert.deepEqual(check(conditions('Anything')), [])
})

const WRONG: readonly [status: object, complaint: string][] = [
  [{ active: -1 }, 'status.active: Invalid value: -1: must be greater than or equal to 0'],
  [{ active: 1, ready: 2 }, 'status.ready: Invalid value: 2: cannot set more ready pods than active'],
  [{ uncountedTerminatedPods: { failed: [''] } }, 'status.uncountedTerminatedPods.failed[0]: Invalid value: "": must not be empty'],
  [{ uncountedTerminatedPods: { succeeded: ['a'], failed: ['a'] } }, 'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"'],
  [
    { ...failed, ...conditions('Failed') },
    'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
  ],
  [
    { ...complete, ...conditions('Complete') },
    'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  ],
  [
    conditions('SuccessCriteriaMet', 'FailureTarget'),
    'status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions',
  ],
  [{ ...complete, completionTime: undefined }, 'status.completionTime: Required value: completionTime is required for Complete jobs'],
  [
    { startTime: start, completionTime: end },
    `status.completionTime: Invalid value: "${end}": cannot set completionTime when there is no Complete=True condition`,
  ],
  [
    { ...complete, startTime: end, completionTime: start },
    `status.completionTime: Invalid value: "${start}": must be equal to or after \`startTime\``,
  ],
  [{ ...complete, active: 1 }, 'status.active: Invalid value: 1: active>0 is invalid for finished job'],
  [{ ...failed, startTime: undefined }, 'status.startTime: Required value: startTime is required for finished job'],
  [
    { ...failed, uncountedTerminatedPods: { failed: ['a'] } },
    'status.uncountedTerminatedPods: Invalid value: {"failed":["a"]}: must be empty for finished job',
  ],
  [{ ...failed, terminating: 1 }, 'status.terminating: Invalid value: 1: terminating>0 is invalid for finished job'],
  [
    { completedIndexes: '0' },
    'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
  ],
  [{ failedIndexes: '' }, 'status.failedIndexes: Invalid value: "": cannot set non-null failedIndexes when backoffLimitPerIndex is null'],
]
for (const [status, complaint] of WRONG) {
  test(`the status ${JSON.stringify(status).slice(0, 90)} is refused`, () => assert.deepEqual(check(status), [complaint]))
}

test('indexes of an Indexed Job are rising, below its completions, and either complete or failed', () => {
  const spec = { completionMode: 'Indexed', completions: 5, backoffLimitPerIndex: 1 }
  assert.deepEqual(check({ completedIndexes: '0,2-3', failedIndexes: '1' }, {}, spec), [])
  assert.deepEqual(check({ completedIndexes: '5' }, {}, spec), [
    'status.completedIndexes: Invalid value: "5": error parsing completedIndexes: too large index: "5"',
  ])
  assert.deepEqual(check({ completedIndexes: '0,2-3', failedIndexes: '1-3' }, {}, spec), [
    'status.failedIndexes: Invalid value: "1-3": failedIndexes and completedIndexes overlap at index: 2',
  ])
})

test('what was said of the end of a Job stays', () => {
  assert.deepEqual(check({ ...complete, ...conditions('SuccessCriteriaMet'), completionTime: undefined }, complete), [
    'status.conditions: Invalid value: cannot disable the terminal Complete=True condition',
  ])
  assert.deepEqual(check({}, conditions('SuccessCriteriaMet')), [
    'status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition',
  ])
  assert.deepEqual(check({ failed: 1 }, { failed: 2 }), ['status.failed: Invalid value: 1: cannot decrease the failed counter'])
  assert.deepEqual(check({}, { succeeded: 2 }), ['status.succeeded: Invalid value: 0: cannot decrease the succeeded counter'])
  const later = '2026-01-01T00:02:00Z'
  assert.deepEqual(check({ ...complete, completionTime: later }, complete), [
    `status.completionTime: Invalid value: "${later}": field is immutable`,
  ])
  assert.deepEqual(check({}, { startTime: start }), ['status.startTime: Required value: startTime cannot be removed for unsuspended job'])
  assert.deepEqual(check({}, { startTime: start }, { suspend: true }), [])
})

test('sets of indexes are counted and compared as sets are', () => {
  const indexes = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 }).map(numbers => numbers.sort((a, b) => a - b))
  fc.assert(
    fc.property(indexes, indexes, (one, other) => {
      assert.equal(countIndexes(written(one), 31), one.length)
      assert.equal(
        commonIndex(written(one), written(other), 31),
        one.find(index => other.includes(index)),
      )
    }),
  )
})

/** `0,2-4`. */
function written(indexes: readonly number[]): string {
  const intervals: [number, number][] = []
  for (const index of indexes) {
    const last = intervals.at(-1)
    if (last && last[1] === index - 1) last[1] = index
    else intervals.push([index, index])
  }
  return intervals.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
