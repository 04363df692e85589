/** Three etcd members that show each other and their clients certificates, each with a directory of them that somebody else renews. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@davit/api'
import { createAuthority, loadOrCreatePki } from '@davit/api/pki'
import { freePorts } from '@davit/api/testing'
import { spawnEtcd } from './etcd.ts'

const MEMBERS = 3

export interface SecureEtcd extends AsyncDisposable {
  /** Of all members, parted by commas. */
  readonly urls: string
  /** Keys of a cluster, those of etcd among them. */
  readonly pki: string
  /** The members' directories of certificates. */
  readonly directories: readonly string[]
  /** SIGKILL and a new start of one member: all its connections are made anew. */
  restart(index: number): Promise<void>
}

/** Certificates live for `lifetimeMs` from now. */
export async function startSecureEtcd(lifetimeMs: number): Promise<SecureEtcd> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-test-secure-etcd-'))
  const pki = join(dir, 'pki')
  await mkdir(pki, { mode: 0o700 })
  const { certificate, key } = await createAuthority('etcd-ca', { now: Date.now(), days: 1 })
  await writeFile(join(pki, 'etcd-ca.pem'), certificate + key, { mode: 0o600 })
  const ports = await freePorts(MEMBERS * 3)
  const members = Array.from({ length: MEMBERS }, (_, index) => {
    const [client, peer, metrics] = ports.slice(index * 3)
    const name = `member-${index}`
    const url = (port: number | undefined, scheme = 'https') => `${scheme}://127.0.0.1:${port}`
    return { name, certificates: join(dir, `${name}-pki`), client: url(client), peer: url(peer), metrics: url(metrics, 'http') }
  })
  const cluster = members.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const start = async ({ name, certificates, client, peer, metrics }: (typeof members)[number]) => {
    const at = (file: string) => join(certificates, file)
    const flags = ['--name', name, '--data-dir', join(dir, name), '--initial-cluster', cluster, '--log-level', 'error']
    flags.push('--listen-client-urls', client, '--advertise-client-urls', client, '--listen-metrics-urls', metrics)
    flags.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer)
    flags.push('--client-cert-auth', '--trusted-ca-file', at('ca.crt'), '--cert-file', at('server.crt'), '--key-file', at('server.key'))
    flags.push('--peer-client-cert-auth', '--peer-trusted-ca-file', at('ca.crt'), '--peer-cert-file', at('peer.crt'))
    return spawnEtcd([...flags, '--peer-key-file', at('peer.key')], metrics)
  }
  for (const { certificates } of members) {
    await mkdir(certificates, { mode: 0o700 })
    await writeFile(join(certificates, 'member.json'), JSON.stringify({ names: ['127.0.0.1'] }))
    await loadOrCreatePki({ dir: pki, etcdDir: certificates, serverNames: [], lifetimeMs, clock: systemClock })
  }
  const running = await Promise.all(members.map(start))
  const kill = async (child: ChildProcess | undefined) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    urls: members.map(({ client }) => client).join(','),
    pki,
    directories: members.map(({ certificates }) => certificates),
    async restart(index) {
      await kill(running[index])
      running[index] = await start(members[index]!)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(running.map(kill))
      await rm(dir, { recursive: true, force: true })
    },
  }
}
