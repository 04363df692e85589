import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageSince, formatAge, parseDuration } from './duration.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const YEAR = 365 * DAY

const AGES: readonly [ms: number, text: string][] = [
  [-2 * SECOND, '<invalid>'],
  [-1 * SECOND, '0s'],
  [0, '0s'],
  [1999, '1s'],
  [119 * SECOND, '119s'],
  [2 * MINUTE, '2m'],
  [2 * MINUTE + 30 * SECOND, '2m30s'],
  [9 * MINUTE + 59 * SECOND, '9m59s'],
  [10 * MINUTE + 59 * SECOND, '10m'],
  [179 * MINUTE, '179m'],
  [3 * HOUR, '3h'],
  [5 * HOUR + 10 * MINUTE, '5h10m'],
  [8 * HOUR + 10 * MINUTE, '8h'],
  [47 * HOUR + 59 * MINUTE, '47h'],
  [48 * HOUR, '2d'],
  [3 * DAY + 4 * HOUR, '3d4h'],
  [8 * DAY + 4 * HOUR, '8d'],
  [729 * DAY, '729d'],
  [2 * YEAR, '2y'],
  [2 * YEAR + 300 * DAY, '2y300d'],
  [9 * YEAR + 20 * DAY, '9y'],
  [Number.NaN, '<unknown>'],
]

for (const [ms, text] of AGES) test(`${ms} ms is shown as ${text}`, () => assert.equal(formatAge(ms), text))

test('ageSince() counts from a time, and does not know it when there is none', () => {
  assert.equal(ageSince('2026-01-02T03:04:05Z', Date.parse('2026-01-02T03:09:05Z')), '5m')
  assert.equal(ageSince(undefined, 0), '<unknown>')
})

test('parseDuration() reads durations as Go does', () => {
  const cases: readonly [string, number][] = [
    ['0', 0],
    ['1h2m3s', HOUR + 2 * MINUTE + 3 * SECOND],
    ['1.5h', 90 * MINUTE],
    ['300ms', 300],
    ['-1m', -MINUTE],
    ['.5s', 500],
    ['250us', 0.25],
  ]
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text)
})

test('parseDuration() refuses in the words of Go', () => {
  assert.throws(() => parseDuration('5'), { name: 'RangeError', message: 'time: missing unit in duration "5"' })
  for (const text of ['', 'x', '1x', '1h-', 'h', '1h 2m']) {
    assert.throws(() => parseDuration(text), { message: `time: invalid duration ${JSON.stringify(text)}` })
  }
})
