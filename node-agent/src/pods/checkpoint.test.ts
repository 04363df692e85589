import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Pod } from '@davit/api'
import { type Checkpoint, CheckpointStore } from './checkpoint.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }
const pod: Pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', uid: 'u1' }, spec: { containers: [] } }
const checkpoint = (startedAt: number): Checkpoint => ({ format: 1, pod, records: {}, sandboxAttempt: -1, startedAt })

test('a checkpoint for which the disk has no room leaves the one before, and is written once there is', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-checkpoint-'))
  const store = new CheckpointStore(dir)
  await store.save(checkpoint(1))
  const temporary = join(dir, 'pods/u1/.pod.json.new')
  // Every write to it ends with ENOSPC.
  await symlink('/dev/full', temporary)
  assert.equal(await store.saveIfRoom(checkpoint(2)), false)
  await assert.rejects(store.save(checkpoint(2)), { code: 'ENOSPC' })
  assert.equal((await new CheckpointStore(dir).load(silent))[0]?.startedAt, 1)
  await rm(temporary)
  assert.equal(await store.saveIfRoom(checkpoint(2)), true)
  assert.equal((await new CheckpointStore(dir).load(silent))[0]?.startedAt, 2)
  await rm(dir, { recursive: true })
})

test('saveIfRoom() tells what else is wrong', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-checkpoint-'))
  const store = new CheckpointStore(dir)
  await store.save(checkpoint(1))
  await mkdir(join(dir, 'pods/u1/.pod.json.new'))
  await assert.rejects(store.saveIfRoom(checkpoint(2)), { code: 'EISDIR' })
  assert.match(await readFile(join(dir, 'pods/u1/pod.json'), 'utf8'), /"startedAt":1/)
  await rm(dir, { recursive: true })
})
