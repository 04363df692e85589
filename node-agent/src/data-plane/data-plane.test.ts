import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Logger, systemClock } from '@davit/api'
import packet from 'dns-packet'
import { type DataPlane, startDataPlane, stopDataPlane } from './start-data-plane.ts'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }
const service = (clusterIP: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { clusterIP, ports: [] },
})

interface Agent {
  readonly plane: DataPlane
  /** Ends the agent's side only. */
  stop(): Promise<void>
}

function agent(directory: string, port: number): Agent {
  const stop = new AbortController()
  const dns = { address: '127.0.0.3', port, domain: 'cluster.local', podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/12' }
  const plane = startDataPlane({ directory, dns, log: quiet, clock: systemClock, signal: stop.signal })
  const end = async () => {
    stop.abort()
    await plane.stopped
  }
  return { plane, stop: end }
}

async function setUp(t: TestContext): Promise<{ directory: string; port: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'davit-data-plane-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const socket = createSocket('udp4')
  await new Promise<void>(resolve => socket.bind(0, '127.0.0.3', resolve))
  const { port } = socket.address()
  await new Promise<void>(resolve => socket.close(resolve))
  return { directory, port }
}

/** The address of web.default; undefined when nobody answers. */
function lookUp(port: number): Promise<string | undefined> {
  return new Promise(resolve => {
    const socket = createSocket('udp4')
    const finish = (address: string | undefined) => {
      clearTimeout(timer)
      socket.close()
      resolve(address)
    }
    const timer = setTimeout(finish, 1_000, undefined)
    socket.once('error', () => finish(undefined))
    socket.once('message', message => {
      const [answer] = packet.decode(message).answers ?? []
      finish(answer?.type === 'A' ? answer.data : undefined)
    })
    socket.connect(port, '127.0.0.3', () => {
      socket.send(packet.encode({ type: 'query', id: 1, questions: [{ name: 'web.default.svc.cluster.local', type: 'A' }] }))
    })
  })
}

/** Asks until the answer is `address`. */
async function resolves(port: number, address: string | undefined): Promise<void> {
  const until = performance.now() + 10_000
  for (;;) {
    const found = await lookUp(port)
    if (found === address) return
    if (performance.now() > until) assert.equal(found, address)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

const pidOf = async (directory: string) => Number(await readFile(join(directory, 'data-plane.sock.pid'), 'utf8'))

test('the data plane serves what it is told, goes on without its agent, and is taken over by the next', async t => {
  const { directory, port } = await setUp(t)
  const first = agent(directory, port)
  first.plane.serviceChanged('default/web', service('10.96.0.20'), [])
  await resolves(port, '10.96.0.20')
  first.plane.serviceChanged('default/web', service('10.96.0.21'), [])
  await first.plane.flush(AbortSignal.timeout(5_000))
  assert.equal(await lookUp(port), '10.96.0.21')
  assert.equal(first.plane.problem, undefined)
  const pid = await pidOf(directory)

  await first.stop()
  assert.equal(await lookUp(port), '10.96.0.21')

  const second = agent(directory, port)
  second.plane.serviceChanged('default/web', service('10.96.0.22'), [])
  await resolves(port, '10.96.0.22')
  assert.equal(await pidOf(directory), pid)

  process.kill(pid, 'SIGKILL')
  await resolves(port, undefined)
  await resolves(port, '10.96.0.22')
  assert.notEqual(await pidOf(directory), pid)

  await second.stop()
  await stopDataPlane(directory)
  await resolves(port, undefined)
})

test('a data plane whose directory is gone ends by itself', async t => {
  const { directory, port } = await setUp(t)
  const own = agent(directory, port)
  own.plane.serviceChanged('default/web', service('10.96.0.20'), [])
  await resolves(port, '10.96.0.20')
  await own.stop()
  await rm(directory, { recursive: true })
  await resolves(port, undefined)
})
