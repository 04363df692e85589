import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isReason, systemClock } from '@davit/api'
import { createStorage } from '../storage/index.ts'
import { startTestEtcd } from '../storage/testing/index.ts'
import { beginTerm } from './term.ts'

test('a leader that does not know yet that another leads can write nothing', async t => {
  const etcd = await startTestEtcd()
  t.after(() => etcd[Symbol.asyncDispose]())
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const storage = createStorage({ etcd: { urls: [etcd.url] }, log, clock: systemClock })
  const { signal } = new AbortController()
  await storage.start(signal)
  t.after(() => storage.close())

  const first = await beginTerm(storage, { name: 'x', identity: 'a', signal })
  assert.equal((await first.commit([{ type: 'create', key: '/test/one', value: '1' }])).committed, true)
  const second = await beginTerm(storage, { name: 'x', identity: 'b', signal })
  await assert.rejects(first.commit([{ type: 'create', key: '/test/two', value: '2' }]), (error: unknown) => isReason(error, 'Conflict'))
  assert.equal(await storage.read('/test/two'), undefined)
  assert.equal((await second.commit([{ type: 'create', key: '/test/two', value: '2' }])).committed, true)
  const lost = await second.commit([{ type: 'create', key: '/test/two', value: '3' }])
  assert.equal(lost.committed, false, 'a write that fails for its own reasons still says so')
})
