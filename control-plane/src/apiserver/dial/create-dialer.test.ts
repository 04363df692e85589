import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { isReason, type KubernetesObject, systemClock } from '@davit/api'
import { NODE, startCluster, type TestCluster } from '../streams/testing/cluster.ts'
import { createDialer } from './create-dialer.ts'
import type { Dialer, Lookups } from './types.ts'

let cluster: TestCluster
let dialer: Dialer
/** What there is, by kind. */
let objects: Record<string, object[]>
let dialled: string[]
const signal = new AbortController().signal

beforeEach(async () => {
  cluster = await startCluster()
  objects = {}
  dialled = []
  const lookups: Lookups = {
    find: async ({ kind }, { name }) =>
      (objects[kind] as KubernetesObject[] | undefined)?.find(each => each.metadata.name === name) as never,
    all: async ({ kind }) => (objects[kind] ?? []) as never,
  }
  // In order, so that a test knows who comes first.
  dialer = createDialer({ lookups, tunnels: cluster.tunnels, clock: systemClock, random: () => 0 })
  // Only the address that ends in 2 answers.
  cluster.handler = (stream, url) => {
    const address = url.searchParams.get('address') ?? ''
    dialled.push(`${address}:${url.searchParams.get('port')}`)
    if (!address.endsWith('2')) return stream.respond({ ':status': 503 }, { endStream: true })
    stream.respond({ ':status': 200 })
    stream.pipe(stream)
  }
})
afterEach(() => cluster.close())

const endpoint = (address: string, more: object = {}) => ({ addresses: [address], conditions: { ready: true }, nodeName: NODE, ...more })
const slice = (endpoints: object[], ports: object[] = [{ name: 'https', port: 8443 }]) => ({ metadata: { name: 's' }, endpoints, ports })
const PORT = { namespace: 'a', name: 'web', port: 443 }

function serveWeb(spec: object, ...slices: object[]): void {
  objects.Service = [{ metadata: { name: 'web' }, spec }]
  objects.EndpointSlice = slices
}

async function echoed(connecting: ReturnType<Dialer['dial']>): Promise<string> {
  const connection = await connecting
  connection.end('hello')
  return text(connection)
}

test('a Service is dialled at a ready endpoint, at another when one is not to be reached', async () => {
  const ports = [{ name: 'https', port: 443 }]
  const unready = endpoint('10.0.0.9', { conditions: { ready: false } })
  serveWeb({ ports }, slice([unready, endpoint('10.0.0.1')]), slice([endpoint('10.0.0.2')]), slice([endpoint('10.0.0.3')], [{ port: 80 }]))
  assert.equal(await echoed(dialer.dialService(PORT, signal)), 'hello')
  assert.deepEqual(dialled, ['10.0.0.1:8443', '10.0.0.2:8443'])
})

test('what is missing is told in words', async () => {
  const fails = (wanted: string) => assert.rejects(dialer.dialService(PORT, signal), { message: wanted })
  await fails('services "web" not found')
  serveWeb({ ports: [{ port: 80 }] })
  await fails('no service port 443 found for service "web"')
  serveWeb({ ports: [{ port: 443 }] })
  await fails('no endpoints available for service "web"')
})

test('an endpoint of no node is one of whose range it is, or anywhere', async () => {
  objects.Node = [{ metadata: { name: NODE }, spec: { podCIDRs: ['10.0.0.0/24'] } }]
  assert.equal(await echoed(dialer.dial({ address: '10.0.0.2', port: 1 }, signal)), 'hello')
  assert.deepEqual(dialled, ['10.0.0.2:1'])
  const server = createServer(socket => socket.end('directly')).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  serveWeb({ type: 'ExternalName', externalName: 'localhost' })
  const connection = await dialer.dialService({ ...PORT, port }, signal)
  assert.equal(await text(connection), 'directly')
  server.close()
  await once(server, 'close')
  await assert.rejects(dialer.dialService({ ...PORT, port }, signal), err => isReason(err, 'ServiceUnavailable'))
})

test("no tunnel leads to a node's own loopback or its link", async () => {
  for (const address of ['127.0.0.1', '169.254.169.254', '::1'])
    await assert.rejects(dialer.dial({ address, port: 1, node: NODE }, signal), { message: 'address not allowed' })
  assert.deepEqual(dialled, [])
})

test('a connection ends with its signal, and fails with its tunnel', async () => {
  const stop = new AbortController()
  const first = await dialer.dial({ address: '10.0.0.2', port: 1, node: NODE }, stop.signal)
  stop.abort(new Error('enough'))
  await new Promise(resolve => first.once('close', resolve))
  const second = await dialer.dial({ address: '10.0.0.2', port: 1, node: NODE }, signal)
  cluster.cut()
  await assert.rejects(text(second))
})

test('a dial that nobody answers ends with its signal', async () => {
  cluster.handler = () => {}
  const stop = new AbortController()
  const dialling = dialer.dial({ address: '10.0.0.2', port: 1, node: NODE }, stop.signal)
  setImmediate(() => stop.abort(new Error('enough')))
  await assert.rejects(dialling, { message: 'enough' })
})
