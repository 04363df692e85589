import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pod } from '@davit/api'
import { merelyJoins } from './selected-pods.ts'

interface Traits {
  ready?: boolean
  ip?: string
  leaving?: boolean
  finished?: boolean
  labels?: Record<string, string>
}

function pod({ ready = true, ip = '10.0.0.1', leaving = false, finished = false, labels = { app: 'web' } }: Traits = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', labels, ...(leaving && { deletionTimestamp: '2026-01-01T00:00:00Z' }) },
    spec: { containers: [] },
    status: {
      phase: finished ? 'Succeeded' : 'Running',
      podIP: ip,
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  }
}

const updated = (old: Traits, now: Traits) => merelyJoins({ type: 'updated', key: 'default/web', object: pod(now), old: pod(old) })

test('merelyJoins() says yes while every pod that was reached is still where it was', () => {
  assert.equal(merelyJoins({ type: 'added', key: 'default/web', object: pod() }), true)
  assert.equal(updated({ ready: false }, {}), true)
  assert.equal(updated({ ready: false, ip: '' }, { ready: false }), true)
  assert.equal(updated({}, {}), true)
})

test('merelyJoins() says no as soon as somebody could be sent astray', () => {
  assert.equal(merelyJoins({ type: 'deleted', key: 'default/web', object: pod() }), false)
  assert.equal(updated({}, { leaving: true }), false)
  assert.equal(updated({ leaving: true }, { leaving: true, ready: false }), false)
  assert.equal(updated({}, { finished: true }), false)
  assert.equal(updated({}, { ready: false }), false)
  assert.equal(updated({}, { ip: '10.0.0.2' }), false)
  assert.equal(updated({}, { labels: { app: 'other' } }), false)
})
