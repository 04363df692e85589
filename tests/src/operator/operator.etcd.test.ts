/** As operator.long.test.ts, in seconds. */
import { test } from 'node:test'
import { runStory } from './run.ts'

test('an operator misses nothing of 600 changes while the control plane is killed twice', { timeout: 300_000 }, t =>
  runStory(t, { changes: 600, objects: 60, kills: 2 }),
)
