/** An operator written with `@kubernetes/client-node`, on a real etcd and control planes that are killed under it. */
import { test } from 'node:test'
import { runStory } from './run.ts'

test('an operator misses nothing of 10,000 changes while the control plane is killed again and again', { timeout: 1_800_000 }, t =>
  runStory(t, { changes: 10_000, objects: 500, kills: 8 }),
)

test('an operator whose history etcd has forgotten lists again and misses no state', { timeout: 600_000 }, t =>
  runStory(t, { changes: 2000, objects: 200, kills: 3, compact: true }),
)
