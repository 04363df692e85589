/** A real etcd of a test's own, which it may kill, stop and go on with. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from '@davit/api/testing'

export interface TestEtcd extends AsyncDisposable {
  readonly url: string
  /** SIGKILL; resolves once it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port and data; resolves once it answers. */
  restart(): Promise<void>
  signal(signal: NodeJS.Signals): void
}

const PATIENCE_MS = 20_000

/** One member on a free loopback port with a directory of its own. */
export async function startEtcd(): Promise<TestEtcd> {
  const dir = await mkdtemp(join(tmpdir(), 'davit-test-etcd-'))
  const [port = 0, peerPort = 0] = await freePorts(2)
  const url = `http://127.0.0.1:${port}`
  const peerUrl = `http://127.0.0.1:${peerPort}`
  const flags = ['--name', 'test', '--data-dir', dir, '--listen-client-urls', url, '--advertise-client-urls', url]
  flags.push('--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl, '--initial-cluster', `test=${peerUrl}`)
  let child = await spawnEtcd([...flags, '--log-level', 'error'], url)
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }
  return {
    url,
    kill,
    async restart() {
      await kill()
      child = await spawnEtcd([...flags, '--log-level', 'error'], url)
    },
    signal: name => void child.kill(name),
    async [Symbol.asyncDispose]() {
      await kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** An etcd with these flags; resolves once it is healthy at `url`. */
export async function spawnEtcd(flags: readonly string[], url: string): Promise<ChildProcess> {
  const child = spawn('etcd', flags, { stdio: 'ignore' })
  // Nobody may be left behind when a test run is interrupted.
  const stop = () => void child.kill('SIGKILL')
  process.once('exit', stop)
  child.once('exit', () => process.off('exit', stop))
  const deadline = performance.now() + PATIENCE_MS
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`Cannot start etcd: exited with ${child.exitCode}`)
    const healthy = await fetch(`${url}/health`, { signal: AbortSignal.timeout(1000) }).then(
      response => response.ok,
      () => false,
    )
    if (healthy) return child
    await delay(20)
  }
  stop()
  throw new Error(`Cannot start etcd: it did not answer within ${PATIENCE_MS} ms`)
}
