/** Who is measured: a control plane with an etcd of its own, bare fastify, and a bare etcd. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HttpClient } from '@davit/api'
import { connectHome, type Home, runningPid, startControlPlane, stopControlPlane } from '@davit/deploy'
import type { Etcd3 } from 'etcd3'
import { benchPort } from '../ports.ts'
import { withEtcd } from './raw-etcd.ts'

const BARE_SERVER = fileURLToPath(new URL('./bare-server.js', import.meta.url))

/** A server that speaks TLS, and how to be let in. */
export interface Target {
  readonly port: number
  /** The server's process. */
  readonly pid: number
  readonly certificateAuthority: Buffer
  /** PEM of the client's certificate and key. */
  readonly identity: Buffer
}

export interface Contenders {
  readonly davit: Target
  readonly client: HttpClient
  readonly bare: Target
  readonly etcd: Etcd3
  /** Makes the bare server answer `GET /NAME` with these bytes. A name stands for the same bytes for ever. */
  prepare(name: string, bytes: Buffer): Promise<void>
}

/** Runs `work` with all of them up. */
export async function withContenders<T>(home: Home, signal: AbortSignal, work: (contenders: Contenders) => Promise<T>): Promise<T> {
  const port = await benchPort()
  await startControlPlane({ home, port, address: '127.0.0.1' })
  const client = await connectHome(home)
  try {
    const pid = await runningPid(join(home.run, 'control-plane.pid'))
    if (pid === undefined) throw new Error('Cannot measure the control plane: it does not run')
    const davit = await targetOf(home, { port, pid })
    const files = join(home.dir, 'prepared')
    await mkdir(files, { recursive: true })
    const prepare = (name: string, bytes: Buffer) => writeFile(join(files, name), bytes)
    return await withBareServer(home, files, bare => withEtcd(home.dir, signal, etcd => work({ davit, client, bare, etcd, prepare })))
  } finally {
    client.close()
    await stopControlPlane(home)
  }
}

async function withBareServer<T>(home: Home, files: string, work: (target: Target) => Promise<T>): Promise<T> {
  const child = fork(BARE_SERVER, [join(home.dir, 'pki'), files])
  try {
    const ended = once(child, 'exit').then(() => {
      throw new Error('Cannot start the bare server: it exited')
    })
    ended.catch(() => {})
    const [{ port }] = (await Promise.race([once(child, 'message'), ended])) as [{ port: number }]
    return await work(await targetOf(home, { port, pid: child.pid as number }))
  } finally {
    child.kill('SIGKILL')
  }
}

async function targetOf(home: Home, place: Pick<Target, 'port' | 'pid'>): Promise<Target> {
  const at = (file: string) => join(home.dir, 'pki', file)
  return { ...place, certificateAuthority: await readFile(at('ca.pem')), identity: await readFile(at('admin.pem')) }
}
