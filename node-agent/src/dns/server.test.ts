import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Logger, systemClock } from '@davit/api'
import packet, { type Packet } from 'dns-packet'
import { startDnsServer } from './server.ts'
import { framed } from './upstream.ts'
import { Zone } from './zone.ts'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }

async function start(t: TestContext, upstreamPort?: number): Promise<{ port: number; zone: Zone }> {
  const zone = new Zone()
  zone.set('default/web', { namespace: 'default', name: 'web', type: 'cluster-ip', addresses: ['10.96.0.20'], ports: [] })
  zone.set('default/out', { namespace: 'default', name: 'out', type: 'external-name', target: 'example.com' })
  const endpoints = Array.from({ length: 200 }, (_, i) => ({ address: `10.244.1.${i}`, hostname: `db-${i}`, ports: [] }))
  zone.set('default/many', { namespace: 'default', name: 'many', type: 'headless', endpoints })
  const resolvConf = join(tmpdir(), `davit-resolv-${process.pid}-${upstreamPort ?? 0}.conf`)
  await writeFile(resolvConf, upstreamPort === undefined ? 'search example.com\n' : 'nameserver 127.0.0.1\n')
  const stop = new AbortController()
  t.after(() => stop.abort())
  const networks = { domain: 'cluster.local', podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/12' }
  const server = startDnsServer({
    zone,
    address: '127.0.0.2',
    port: 0,
    ...networks,
    resolvConf,
    ...(upstreamPort !== undefined && { upstreamPort }),
    log: quiet,
    clock: systemClock,
    signal: stop.signal,
  })
  await server.listening
  assert.equal(server.problem, undefined)
  return { port: server.port ?? 0, zone }
}

function udp(port: number, query: Buffer, address = '127.0.0.2'): Promise<Packet> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4')
    const timer = setTimeout(() => {
      socket.close()
      reject(new Error('no answer'))
    }, 5_000)
    socket.once('message', message => {
      clearTimeout(timer)
      socket.close()
      resolve(packet.decode(message))
    })
    socket.send(query, port, address)
  })
}

function tcp(port: number, ...queries: Buffer[]): Promise<Packet[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.2')
    let received = Buffer.alloc(0)
    socket.once('error', reject)
    socket.on('data', chunk => {
      received = Buffer.concat([received, chunk])
      const answers: Packet[] = []
      for (
        let at = 0;
        at + 2 <= received.length && at + 2 + received.readUInt16BE(at) <= received.length;
        at += 2 + received.readUInt16BE(at)
      ) {
        answers.push(packet.decode(received.subarray(at + 2, at + 2 + received.readUInt16BE(at))))
      }
      if (answers.length < queries.length) return
      socket.destroy()
      resolve(answers)
    })
    // In pieces, as a network may deliver it.
    const bytes = Buffer.concat(queries.map(framed))
    socket.write(bytes.subarray(0, 5))
    setImmediate(() => socket.write(bytes.subarray(5)))
  })
}

const query = (name: string, type: 'A' | 'AAAA' = 'A', id = 7) =>
  Buffer.from(packet.encode({ type: 'query', id, flags: packet.RECURSION_DESIRED, questions: [{ name, type, class: 'IN' }] }))
const data = (message: Packet) => (message.answers ?? []).map(item => ('data' in item ? item.data : undefined))
const rcode = (message: Packet) => (message as { rcode?: string }).rcode

test('answers over UDP under the id and the letters of the question', async t => {
  const { port } = await start(t)
  const answer = await udp(port, query('Web.Default.svc.cluster.local', 'A', 4711))
  assert.equal(answer.id, 4711)
  assert.equal(answer.questions?.[0]?.name, 'Web.Default.svc.cluster.local')
  assert.equal(answer.answers?.[0]?.name, 'Web.Default.svc.cluster.local')
  assert.deepEqual(data(answer), ['10.96.0.20'])
})

test('says that a name, or a type, does not exist, with the SOA that lets it be remembered', async t => {
  const { port } = await start(t)
  const missing = await udp(port, query('nosuch.default.svc.cluster.local'))
  assert.equal(rcode(missing), 'NXDOMAIN')
  assert.equal(missing.authorities?.[0]?.type, 'SOA')
  const empty = await udp(port, query('web.default.svc.cluster.local', 'AAAA'))
  assert.equal(rcode(empty), 'NOERROR')
  assert.equal(empty.authorities?.[0]?.type, 'SOA')
})

test('cuts what does not fit into a datagram, and gives all over TCP', async t => {
  const { port } = await start(t)
  const cut = await udp(port, query('many.default.svc.cluster.local'))
  assert.equal((cut as { flag_tc?: boolean }).flag_tc, true)
  assert.ok(data(cut).length > 0)
  const [all, second] = await tcp(port, query('many.default.svc.cluster.local', 'A', 1), query('web.default.svc.cluster.local', 'A', 2))
  assert.equal(all && data(all).length, 200)
  assert.equal(second?.id, 2)
})

test('begins with another address each time', async t => {
  const { port } = await start(t)
  const first = data(await udp(port, query('many.default.svc.cluster.local')))[0]
  const second = data(await udp(port, query('many.default.svc.cluster.local')))[0]
  assert.notEqual(first, second)
})

test('hears of changes at once', async t => {
  const { port, zone } = await start(t)
  zone.set('default/web', { namespace: 'default', name: 'web', type: 'cluster-ip', addresses: ['10.96.0.99'], ports: [] })
  assert.deepEqual(data(await udp(port, query('web.default.svc.cluster.local'))), ['10.96.0.99'])
})

/** A resolver that knows one name, over UDP and TCP. */
async function resolver(t: TestContext): Promise<number> {
  const answer = (message: Buffer) => {
    const { id = 0, questions = [] } = packet.decode(message)
    return Buffer.from(
      packet.encode({ type: 'response', id, questions, answers: [{ type: 'A', name: 'example.com', ttl: 60, data: '192.0.2.80' }] }),
    )
  }
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.1', resolve))
  socket.on('message', (message, from) => {
    // First one that somebody forged.
    const forged = Buffer.from(answer(message))
    forged.writeUInt16BE((forged.readUInt16BE(0) + 1) % 0x10000)
    socket.send(forged, from.port, from.address)
    socket.send(answer(message), from.port, from.address)
  })
  const { port } = socket.address()
  const server = createServer(connection => connection.on('data', (chunk: Buffer) => connection.write(framed(answer(chunk.subarray(2))))))
  await new Promise<void>(resolve => server.listen(port, '127.0.0.1', resolve))
  t.after(() => {
    socket.close()
    server.close()
  })
  return port
}

test("asks the host's resolvers about all other names, over UDP and TCP", async t => {
  const { port } = await start(t, await resolver(t))
  const answer = await udp(port, query('example.com', 'A', 99))
  assert.equal(answer.id, 99)
  assert.deepEqual(data(answer), ['192.0.2.80'])
  const [overTcp] = await tcp(port, query('example.com', 'A', 5))
  assert.deepEqual(overTcp && data(overTcp), ['192.0.2.80'])
})

test('follows an alias to the end of its chain', async t => {
  const { port } = await start(t, await resolver(t))
  assert.deepEqual(data(await udp(port, query('out.default.svc.cluster.local'))), ['example.com', '192.0.2.80'])
})

test('says so when there is nobody to ask', async t => {
  const { port } = await start(t)
  assert.equal(rcode(await udp(port, query('example.com'))), 'SERVFAIL')
})

test('answers nonsense with an error, or not at all, and goes on', async t => {
  const { port } = await start(t)
  const broken = query('web.default.svc.cluster.local').subarray(0, 20)
  assert.equal(rcode(await udp(port, broken)), 'FORMERR')
  const update = query('web.default.svc.cluster.local')
  update.writeUInt16BE(5 << 11, 2)
  assert.equal(rcode(await udp(port, update)), 'NOTIMP')
  await assert.rejects(
    Promise.race([
      udp(port, Buffer.from('x')),
      new Promise((_, reject) => setTimeout(() => reject(new Error('silent, as it should be')), 100)),
    ]),
  )
  assert.deepEqual(data(await udp(port, query('web.default.svc.cluster.local'))), ['10.96.0.20'])
})
