/** A real etcd for tests: one member on a free loopback port with a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Etcd3 } from 'etcd3'

export interface TestEtcd extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Another client, for looking at and planting raw keys. */
  readonly client: Etcd3
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port and data; resolves once it answers. */
  restart(): Promise<void>
  signal(signal: NodeJS.Signals): void
}

export async function startTestEtcd(): Promise<TestEtcd> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-etcd-'))
  const [port, peerPort] = await freePorts(2)
  const url = `http://127.0.0.1:${port}`
  const client = new Etcd3({ hosts: url })
  let child = await spawnEtcd(dir, url, `http://127.0.0.1:${peerPort}`)
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    url,
    port: port as number,
    client,
    kill,
    async restart() {
      await kill()
      child = await spawnEtcd(dir, url, `http://127.0.0.1:${peerPort}`)
    },
    signal: name => void child.kill(name),
    async [Symbol.asyncDispose]() {
      client.close()
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

async function spawnEtcd(dir: string, url: string, peerUrl: string): Promise<ChildProcess> {
  const flags = ['--name', 'test', '--data-dir', join(dir, 'data'), '--listen-client-urls', url, '--advertise-client-urls', url]
  const peers = ['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', `test=${peerUrl}`]
  const child = spawn('etcd', [...flags, ...peers, '--unsafe-no-fsync', '--log-level', 'warn'], { stdio: ['ignore', 'ignore', 'pipe'] })
  // Nobody may be left behind when a test run is interrupted.
  const stop = () => void child.kill('SIGKILL')
  process.once('exit', stop)
  child.once('exit', () => process.off('exit', stop))
  let output = ''
  child.stderr?.on('data', chunk => {
    output = `${output}${chunk}`.slice(-4000)
  })
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Cannot start etcd: exited with ${child.exitCode}: ${output}`)
    const healthy = await fetch(`${url}/health`).then(
      response => response.ok,
      () => false,
    )
    if (healthy) return child
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const ports = servers.map(server => {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('Cannot find a free port')
    return address.port
  })
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
  return ports
}
