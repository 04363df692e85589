/** A real etcd for tests: one member on a free loopback port with a directory of its own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '@davit/api/testing'
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

export interface TestEtcdOptions {
  /** Serves TLS and asks clients for certificates: files with PEM. */
  readonly tls?: { certificateAuthority: string; certificate: string; key: string }
}

export async function startTestEtcd({ tls }: TestEtcdOptions = {}): Promise<TestEtcd> {
  const [place] = await makePlaces(1)
  const flags = tls
    ? ['--client-cert-auth', '--trusted-ca-file', tls.certificateAuthority, '--cert-file', tls.certificate, '--key-file', tls.key]
    : []
  return startMember(place as Place, [place as Place], flags)
}

/** Members that know each other; each is to be disposed of. */
export async function startTestCluster(size: number): Promise<TestEtcd[]> {
  const places = await makePlaces(size)
  // None is healthy before most are there, so they start together.
  return Promise.all(places.map(place => startMember(place, places, [])))
}

interface Place {
  readonly name: string
  readonly dir: string
  readonly port: number
  readonly peerUrl: string
}

async function makePlaces(count: number): Promise<Place[]> {
  const ports = await freePorts(count * 2)
  return Promise.all(
    Array.from({ length: count }, async (_, at) => ({
      name: `test-${at}`,
      dir: await mkdtemp(join(tmpdir(), 'davit-etcd-')),
      port: ports[at * 2] as number,
      peerUrl: `http://127.0.0.1:${ports[at * 2 + 1]}`,
    })),
  )
}

async function startMember(place: Place, all: readonly Place[], extraFlags: readonly string[]): Promise<TestEtcd> {
  const url = `${extraFlags.length > 0 ? 'https' : 'http'}://127.0.0.1:${place.port}`
  // With TLS, health is asked for where no certificate is needed.
  const metricsUrl = `http://127.0.0.1:${(await freePorts(1))[0]}`
  const flags = ['--name', place.name, '--data-dir', join(place.dir, 'data'), '--listen-client-urls', url, '--advertise-client-urls', url]
  const cluster = all.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  flags.push('--listen-peer-urls', place.peerUrl, '--initial-advertise-peer-urls', place.peerUrl, '--initial-cluster', cluster)
  flags.push('--listen-metrics-urls', metricsUrl, '--unsafe-no-fsync', '--log-level', 'error', ...extraFlags)
  const client = new Etcd3({ hosts: url })
  let child = await spawnEtcd(flags, metricsUrl)
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    url,
    port: place.port,
    client,
    kill,
    async restart() {
      await kill()
      child = await spawnEtcd(flags, metricsUrl)
    },
    signal: name => void child.kill(name),
    async [Symbol.asyncDispose]() {
      client.close()
      await kill()
      await rm(place.dir, { recursive: true, force: true })
    },
  }
}

async function spawnEtcd(flags: readonly string[], healthUrl: string): Promise<ChildProcess> {
  const child = spawn('etcd', flags, { stdio: ['ignore', 'ignore', 'pipe'] })
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
    const healthy = await fetch(`${healthUrl}/health`).then(
      response => response.ok,
      () => false,
    )
    if (healthy) return child
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
