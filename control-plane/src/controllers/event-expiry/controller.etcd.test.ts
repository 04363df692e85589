/** The sweep of Events against a real etcd. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEventRecorder, type Event, eventKind, formatTime, systemClock } from '@davit/api'
import { startTestRegistry } from '../../apiserver/registry/testing/index.ts'
import { createContext } from '../context.ts'
import { runEventExpiry } from './controller.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }
const HOUR_MS = 3_600_000

test('Events that were written more than an hour ago are swept away, and no others', async () => {
  await using cluster = await startTestRegistry()
  const { client } = cluster
  const events = client.resource(eventKind)
  const event = (name: string, lastAt: number): Event => ({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace: 'default' },
    involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' },
    reason: 'Why',
    lastTimestamp: formatTime(lastAt),
  })
  await events.create(event('old', Date.now()))
  const { resourceVersion = '' } = (await events.create(event('fresh', Date.now() + HOUR_MS))).metadata
  const stop = new AbortController()
  const common = { clock: { ...systemClock, now: () => Date.now() + HOUR_MS + 60_000 }, log, signal: stop.signal }
  const running = runEventExpiry(
    createContext({ client, events: createEventRecorder(client, { component: 'test', ...common }), ...common }),
  )
  await cluster.event(eventKind, { namespace: 'default', resourceVersion }, ({ type }) => type === 'DELETED')
  const { items } = await events.list({ namespace: 'default' })
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['fresh'],
  )
  stop.abort()
  await running
})
