import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alreadyExists, type Client, conflict, type Lease, notFound, type ResourceClient, systemClock, unavailable } from '@davit/api'
import { runWhileLeader } from './run-while-leader.ts'

const LEASES = { group: 'coordination.k8s.io', plural: 'leases' }
const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** One Lease with the server's rules for versions; `fail` makes every call fail. */
class LeaseServer {
  stored: Lease | undefined
  fail = false
  #version = 0

  client(): Client {
    const answer = async <T>(work: () => T): Promise<T> => {
      await null
      if (this.fail) throw unavailable('etcd is away')
      return work()
    }
    const leases = {
      get: () =>
        answer(() => {
          if (!this.stored) throw notFound(LEASES, 'x')
          return this.stored
        }),
      create: (lease: Lease) =>
        answer(() => {
          if (this.stored) throw alreadyExists(LEASES, 'x')
          return this.#store(lease)
        }),
      update: (lease: Lease) =>
        answer(() => {
          if (lease.metadata.resourceVersion !== this.stored?.metadata.resourceVersion) throw conflict(LEASES, 'x')
          return this.#store(lease)
        }),
    }
    return { resource: () => leases as unknown as ResourceClient<never> }
  }

  #store(lease: Lease): Lease {
    this.stored = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++this.#version) } }
    return this.stored
  }
}

/** A clock thirty times as fast as the real one. */
const fast = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 30,
  sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 30, signal),
}

function candidate(server: LeaseServer, identity: string, leading: Set<string>, isAlone = false) {
  const stop = new AbortController()
  const client = server.client()
  let began: () => void = () => {}
  const hasLed = new Promise<void>(resolve => {
    began = resolve
  })
  const done = runWhileLeader({ client, name: 'x', identity, isAlone, clock: fast, log: SILENT, signal: stop.signal }, async signal => {
    assert.equal(leading.size, 0, 'never two leaders at once')
    leading.add(identity)
    began()
    await new Promise<void>(resolve => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    leading.delete(identity)
  })
  return { done, hasLed, stop: () => stop.abort() }
}

test('of several candidates one leads, and when it stops the next takes over at once', async () => {
  const server = new LeaseServer()
  const leading = new Set<string>()
  const first = candidate(server, 'a', leading)
  await first.hasLed
  const second = candidate(server, 'b', leading)
  first.stop()
  await first.done
  assert.equal(server.stored?.spec?.holderIdentity === 'a', false, 'the Lease is released')
  await second.hasLed
  second.stop()
  await second.done
})

test('who is alone does not wait for the Lease of its predecessor, and others wait for the whole of it', async () => {
  const server = new LeaseServer()
  const spec = { holderIdentity: 'alone_1', leaseDurationSeconds: 30 }
  server.stored = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'x', resourceVersion: '0' }, spec }
  const leading = new Set<string>()
  const other = candidate(server, 'other_1', leading, true)
  // Far beyond the usual Lease, on the quick clock.
  await systemClock.sleep(10_000 / 30)
  assert.equal(leading.size, 0)
  const alone = candidate(server, 'alone_2', leading, true)
  await alone.hasLed
  assert.equal(server.stored?.spec?.leaseDurationSeconds, 30)
  other.stop()
  alone.stop()
  await Promise.all([other.done, alone.done])
})

test('a leader that cannot renew stops leading before the Lease runs out, and leads again when it can', async () => {
  const server = new LeaseServer()
  const leading = new Set<string>()
  const only = candidate(server, 'a', leading)
  await only.hasLed
  server.fail = true
  while (leading.size > 0) await new Promise(setImmediate)
  server.fail = false
  while (leading.size === 0) await new Promise(setImmediate)
  only.stop()
  await only.done
})

test('a candidate takes a Lease whose holder died, once it has seen it unchanged for its whole duration', async () => {
  const server = new LeaseServer()
  const dead: Lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'x' },
    spec: { holderIdentity: 'dead', renewTime: '2099-01-01T00:00:00.000000Z' },
  }
  await server
    .client()
    .resource({} as never)
    .create(dead as never)
  const leading = new Set<string>()
  const heir = candidate(server, 'b', leading)
  await heir.hasLed
  assert.equal(server.stored?.spec?.leaseTransitions, 1)
  heir.stop()
  await heir.done
})
