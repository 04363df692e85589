/** An etcd of the bench's own, driven as plainly as can be: the limit of every commit and of every watch. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Etcd3 } from 'etcd3'
import { freePort } from '../ports.ts'
import { poll } from '../wait.ts'

/** Runs `work` with a client of a fresh etcd below `dir`. */
export async function withEtcd<T>(dir: string, signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T> {
  const url = `http://127.0.0.1:${await freePort()}`
  const peer = `http://127.0.0.1:${await freePort()}`
  const flags = ['--data-dir', join(dir, 'raw-etcd'), '--listen-client-urls', url, '--advertise-client-urls', url]
  flags.push('--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer)
  flags.push('--initial-cluster', `default=${peer}`, '--log-level', 'error')
  const child = spawn('etcd', flags, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  exited.catch(() => {})
  const client = new Etcd3({ hosts: url })
  try {
    const answers = () =>
      client.maintenance.status().then(
        () => true,
        () => false,
      )
    await poll('etcd to answer', answers, { signal, timeoutMs: 20_000, everyMs: 50 })
    return await work(client)
  } finally {
    client.close()
    child.kill('SIGKILL')
    await exited
  }
}

/** Two more keys that every write is compared with, as the API server compares its namespace and its fence. */
const GUARDS = ['/bench/guards/namespace', '/bench/guards/fence'].map(name => Buffer.from(name))

/** Writes a key that is at `revision` (0: absent), in the transaction the API server makes of it; gives the new revision. */
export async function writeKey(client: Etcd3, key: string, value: Buffer, revision = 0): Promise<number> {
  const name = Buffer.from(key)
  const at = (guarded: Buffer, expected: number) => ({ key: guarded, target: 'Mod', result: 'Equal', mod_revision: expected }) as const
  const { succeeded, header } = await client.kv.txn({
    compare: [at(name, revision), ...GUARDS.map(guard => at(guard, 0))],
    success: [{ request_put: { key: name, value } }],
    failure: [],
  })
  if (!succeeded) throw new Error(`Cannot write "${key}": it is not at revision ${revision}`)
  return Number(header.revision)
}

/** Opens `count` watches of a key, `perStream` on a connection's stream; `seen` is called for each event of each. */
export async function watchKey(client: Etcd3, key: string, { count, perStream, seen }: KeyWatches): Promise<() => void> {
  const streams = await Promise.all(Array.from({ length: Math.ceil(count / perStream) }, () => client.watchClient.watch()))
  let created = 0
  await new Promise<void>((resolve, reject) => {
    for (const [index, stream] of streams.entries()) {
      stream.on('error', reject)
      stream.on('data', (response: { created: boolean; events: unknown[] }) => {
        for (const _ of response.events) seen()
        if (response.created && ++created === count) resolve()
      })
      for (let at = index * perStream; at < Math.min(count, (index + 1) * perStream); at++)
        stream.write({ create_request: { key: Buffer.from(key) } })
    }
  })
  return () => {
    // Broken off, they would count as failures, upon which the client takes its host for dead.
    for (const stream of streams) stream.end()
  }
}

export interface KeyWatches {
  readonly count: number
  readonly perStream: number
  readonly seen: () => void
}
