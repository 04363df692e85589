import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Client, type Lease, leaseKind, type Node, notFound, systemClock } from '@davit/api'
import { keepLease } from './lease.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

test('keepLease() makes no Lease before it has a Node to go with, and gives one that is there its owner', async t => {
  let lease: Pick<Lease, 'metadata'> | undefined
  let told = () => {}
  const asked = () => new Promise<void>(resolve => (told = resolve))
  const client = {
    resource: () => ({
      async patch(_: unknown, { body }: { body: Partial<Lease> }) {
        queueMicrotask(told)
        if (!lease) throw notFound(leaseKind, 'n')
        lease = { metadata: { ...lease.metadata, ...body.metadata } }
      },
      async create(made: Lease) {
        lease = made
      },
    }),
  } as unknown as Client
  let node: Node | undefined
  const stop = new AbortController()
  const first = asked()
  const kept = keepLease({ client, nodeName: 'n', node: () => node, clock: systemClock, log, signal: stop.signal })
  t.after(async () => {
    stop.abort()
    await kept.stopped
  })
  const renewed = async () => {
    // What the one before set off is through.
    await new Promise(resolve => setImmediate(resolve))
    const next = asked()
    kept.renewNow()
    await next
    await new Promise(resolve => setImmediate(resolve))
    return lease?.metadata.ownerReferences?.map(({ uid }) => uid)
  }
  await first
  assert.equal(await renewed(), undefined)
  assert.equal(lease, undefined)
  node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', uid: 'u1' } }
  assert.deepEqual(await renewed(), ['u1'])
  lease = { metadata: { name: 'n' } }
  assert.deepEqual(await renewed(), ['u1'])
})
