/** A real etcd cluster of several members that know each other and their clients by certificates of a CA of their own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, createCertificate, type KeyPair } from '@davit/api/pki'
import { freePorts } from '@davit/api/testing'
import { until } from './until.ts'

const LIFETIME_DAYS = 1

export interface EtcdCluster extends AsyncDisposable {
  /** `--etcd`, `--etcd-ca`, … for a control plane that uses it. */
  readonly flags: readonly string[]
  readonly members: readonly EtcdMember[]
  /** The member that leads; waits until there is one. */
  leader(): Promise<EtcdMember>
}

export class EtcdMember {
  readonly name: string
  readonly #flags: readonly string[]
  readonly #metricsUrl: string
  #child: ChildProcess | undefined

  constructor(name: string, flags: readonly string[], metricsUrl: string) {
    this.name = name
    this.#flags = flags
    this.#metricsUrl = metricsUrl
  }

  /** Resolves once it answers, which takes a majority of the members. */
  async start(): Promise<void> {
    const child = spawn('etcd', this.#flags, { stdio: 'ignore' })
    this.#child = child
    // Nobody may be left behind when a test run is interrupted.
    const stop = () => void child.kill('SIGKILL')
    process.once('exit', stop)
    child.once('exit', () => process.off('exit', stop))
    await until(`etcd member ${this.name} to be healthy`, async () => (await this.#get('/health'))?.includes('true'))
  }

  /** SIGKILL; resolves once it is gone. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async leads(): Promise<boolean> {
    return /^etcd_server_is_leader 1$/m.test((await this.#get('/metrics')) ?? '')
  }

  async #get(path: string): Promise<string | undefined> {
    const answer = await fetch(`${this.#metricsUrl}${path}`, { signal: AbortSignal.timeout(500) }).catch(() => undefined)
    return answer?.text()
  }
}

/** Members on free loopback ports, with the timing that is recommended: a heartbeat each 100 ms, an election after 1 s. */
export async function startEtcdCluster(size: number): Promise<EtcdCluster> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-test-etcd-'))
  const ports = await freePorts(size * 3)
  const lifetime = { now: Date.now(), days: LIFETIME_DAYS }
  const authority = await createAuthority('test-etcd-ca', lifetime)
  const write = async (name: string, { certificate, key }: KeyPair) => {
    await writeFile(join(dir, `${name}.crt`), certificate)
    await writeFile(join(dir, `${name}.key`), key, { mode: 0o600 })
  }
  await writeFile(join(dir, 'ca.crt'), authority.certificate)
  await write('client', await createCertificate(authority, { commonName: 'davit', usage: 'client' }, lifetime))
  await write('member', await createCertificate(authority, { commonName: 'etcd', usage: 'both', names: ['127.0.0.1'] }, lifetime))

  const url = (port: number | undefined) => `https://127.0.0.1:${port}`
  const places = Array.from({ length: size }, (_, at) => ({
    name: `member-${at}`,
    client: url(ports[at * 3]),
    peer: url(ports[at * 3 + 1]),
    metrics: `http://127.0.0.1:${ports[at * 3 + 2]}`,
  }))
  const tls = ['--client-cert-auth', '--trusted-ca-file', 'ca.crt', '--cert-file', 'member.crt', '--key-file', 'member.key']
  tls.push('--peer-client-cert-auth', '--peer-trusted-ca-file', 'ca.crt', '--peer-cert-file', 'member.crt', '--peer-key-file', 'member.key')
  const members = places.map(({ name, client, peer, metrics }) => {
    const flags = ['--name', name, '--data-dir', join(dir, name), '--listen-client-urls', client, '--advertise-client-urls', client]
    flags.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--listen-metrics-urls', metrics)
    flags.push('--initial-cluster', places.map(place => `${place.name}=${place.peer}`).join(','))
    flags.push(...tls.map(flag => (flag.startsWith('--') ? flag : join(dir, flag))))
    flags.push('--heartbeat-interval', '100', '--election-timeout', '1000', '--unsafe-no-fsync', '--log-level', 'error')
    return new EtcdMember(name, flags, metrics)
  })
  await Promise.all(members.map(member => member.start()))
  const file = (name: string) => join(dir, name)
  return {
    flags: ['--etcd', places.map(({ client }) => client).join(','), '--etcd-ca', file('ca.crt'), '--etcd-cert', file('client.crt')].concat(
      '--etcd-key',
      file('client.key'),
    ),
    members,
    leader: () =>
      until('an etcd leader', async () => {
        for (const member of members) if (await member.leads()) return member
        return undefined
      }),
    async [Symbol.asyncDispose]() {
      for (const member of members) await member.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
