/**
 * Watchers that read nothing, while thousands of objects change: each is dropped, and all together cost little. On a real etcd, with
 * real sockets. DAVIT_SLOW_CHANGES says how many changes (6000, which is more than may wait for a watcher and in its sockets).
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'
import { configMapKind, KINDS, type Kind } from '@davit/api'
import { configMap, startTestRegistry, type TestRegistry } from '../registry/testing/index.ts'
import { startTestServer, type TestServer } from './testing/test-server.ts'

const CHANGES = Number(process.env.DAVIT_SLOW_CHANGES ?? 6000)
const WATCHERS = 200
const OBJECTS = 100
const MEGABYTE = 1024 * 1024
/** Above what the process needs at rest: the latest events, one copied chunk a watcher, sockets. */
const GROWTH_MAX = 300 * MEGABYTE

let cluster: TestRegistry
let test: TestServer
before(async () => {
  cluster = await startTestRegistry()
  test = await startTestServer(KINDS, { registry: cluster.registry })
})
after(async () => {
  await test[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

/** A watch on a connection of its own, of which only the head is read. */
async function watchWithoutReading(): Promise<TLSSocket> {
  const { certificate: cert, key } = test.pki.admin
  const socket = connect({ port: test.server.port, host: '127.0.0.1', ca: test.pki.ca.certificate, cert, key, ALPNProtocols: ['http/1.1'] })
  socket.on('error', () => {})
  await once(socket, 'secureConnect')
  socket.write('GET /api/v1/namespaces/default/configmaps?watch=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(socket, 'data')
  socket.pause()
  return socket
}

/** Everything the process holds now, once what it does not need is gone. */
function memory(): number {
  return process.memoryUsage().rss
}

it(`${WATCHERS} watchers that read nothing of ${CHANGES} changes of 10 KB are dropped, and memory stays bounded`, {
  timeout: 300_000,
}, async () => {
  const resource = configMapKind as unknown as Kind
  const names = Array.from({ length: OBJECTS }, (_, i) => `slow-${i}`)
  const revisions = new Map<string, number>()
  for (const name of names) {
    const stored = await cluster.registry.create(cluster.context, resource, 'default', configMap(name))
    revisions.set(stored.key, stored.revision)
  }
  const sockets = await Promise.all(Array.from({ length: WATCHERS }, watchWithoutReading))
  const before = memory()
  let most = 0
  const value = 'x'.repeat(10_000)
  for (let done = 0; done < CHANGES; done += OBJECTS) {
    const operations = [...revisions].map(([key, revision]) => {
      const name = key.slice(key.lastIndexOf('/') + 1)
      const metadata = { name, namespace: 'default', uid: name, annotations: { round: String(done) } }
      return { type: 'update' as const, key, revision, value: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { value } } }
    })
    const result = await cluster.storage.commit(operations)
    assert.ok(result.committed)
    for (const key of revisions.keys()) revisions.set(key, result.revision)
    await cluster.storage.reached(result.revision)
    most = Math.max(most, memory())
  }
  const growth = most - before
  console.log(`memory grew by ${Math.round(growth / MEGABYTE)} MB`)
  assert.ok(growth < GROWTH_MAX, `${Math.round(growth / MEGABYTE)} MB`)
  // Their connections are closed: that is seen once what the kernel holds is read.
  await Promise.all(
    sockets.map(async socket => {
      if (socket.closed) return
      const closed = once(socket, 'close')
      socket.resume()
      await closed
    }),
  )
  const { text } = await test.call('GET', '/metrics')
  assert.match(text, /apiserver_longrunning_requests\{verb="WATCH",resource="configmaps"\} 0/)
})
