import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Event } from '@davit/api'
import { isExpired } from './plan.ts'

const NOW = Date.parse('2026-01-02T03:04:05Z')
const ago = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString()

const event = ({ made = 600, ...fields }: Partial<Event> & { made?: number; written?: number }): Event => {
  const { written, ...rest } = fields
  const managedFields = written === undefined ? [] : [{ manager: 'm', time: ago(written) }]
  const metadata = { name: 'e', namespace: 'default', creationTimestamp: ago(made), managedFields }
  return { apiVersion: 'v1', kind: 'Event', involvedObject: {}, ...rest, metadata }
}

for (const [what, given, wanted] of [
  ['was made long ago', event({}), true],
  ['was made just now and tells of older times', event({ made: 1, eventTime: ago(900), lastTimestamp: ago(900) }), false],
  ['happened again', event({ lastTimestamp: ago(59) }), false],
  ['happened again in a series', event({ series: { count: 2, lastObservedTime: ago(59) } }), false],
  ['was written since', event({ written: 59 }), false],
  ['was last written too long ago', event({ written: 61, lastTimestamp: ago(61) }), true],
  ['tells of times to come', event({ lastTimestamp: ago(-9_999) }), true],
] as const) {
  test(`an Event that ${what} is ${wanted ? '' : 'not '}over`, () => assert.equal(isExpired(given, NOW), wanted))
}
