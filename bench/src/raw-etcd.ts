/** An etcd of the bench's own, driven as plainly as can be: the limit of every commit. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Etcd3 } from 'etcd3'
import { freePort } from './ports.ts'
import { poll } from './wait.ts'

/** Runs `work` with a client of a fresh etcd below `dir`. */
export async function withEtcd<T>(dir: string, signal: AbortSignal, work: (client: Etcd3) => Promise<T>): Promise<T> {
  const url = `http://127.0.0.1:${await freePort()}`
  const peer = `http://127.0.0.1:${await freePort()}`
  const flags = ['--data-dir', join(dir, 'raw-etcd'), '--listen-client-urls', url, '--advertise-client-urls', url]
  flags.push(
    '--listen-peer-urls',
    peer,
    '--initial-advertise-peer-urls',
    peer,
    '--initial-cluster',
    `default=${peer}`,
    '--log-level',
    'error',
  )
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

/** Creates a key if it is not there, as the API server's creations do. */
export async function createKey(client: Etcd3, key: string, value: string): Promise<void> {
  const { succeeded } = await client.if(key, 'Create', '==', 0).then(client.put(key).value(value)).commit()
  if (!succeeded) throw new Error(`Cannot create "${key}": it is there already`)
}
