/** One etcd process on a data directory: started by us, or found running from an earlier life of ours. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '@davit/api'

export interface EtcdProcess {
  readonly pid: number
  /** Settles once the process is gone, with words for the log. */
  readonly exited: Promise<string>
}

export interface EtcdPlace {
  readonly dataDirectory: string
  readonly logFile: string
  readonly clientPort: number
  readonly peerPort: number
}

const NAME = 'embedded'
const POLL_MS = 250
const HEALTH_TIMEOUT_MS = 1000

/** In a session of its own, so that it outlives a crash of ours. Throws when `binary` cannot be run. */
export async function startEtcd(place: EtcdPlace, binary: string): Promise<EtcdProcess> {
  const output = openSync(place.logFile, 'a', 0o600)
  try {
    const child = spawn(binary, flagsOf(place), { detached: true, stdio: ['ignore', output, output] })
    const exited = new Promise<string>(resolve => child.once('exit', (code, signal) => resolve(`exited with ${signal ?? code}`)))
    // Resolves with `spawn`, rejects with `error`: no such file, not permitted.
    await once(child, 'spawn')
    child.unref()
    return { pid: child.pid as number, exited }
  } catch (cause) {
    const hint =
      cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
        ? 'no such program; install etcd (package etcd-server)'
        : String(cause)
    throw new Error(`Cannot start "${binary}": ${hint}`, { cause })
  } finally {
    closeSync(output)
  }
}

/** The process that runs on this data directory, `hint` looked at first; undefined when there is none. */
export async function findEtcd(dataDirectory: string, hint: number | undefined, clock: Clock): Promise<EtcdProcess | undefined> {
  if (hint !== undefined && (await runsOn(hint, dataDirectory))) return watchProcess(hint, dataDirectory, clock)
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  for (const pid of pids) if (await runsOn(pid, dataDirectory)) return watchProcess(pid, dataDirectory, clock)
  return undefined
}

export function etcdUrl({ clientPort }: Pick<EtcdPlace, 'clientPort'>): string {
  return `http://127.0.0.1:${clientPort}`
}

/** Whether etcd answers there and has a leader. */
export async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

/** SIGTERM, and SIGKILL after `graceMs`. */
export async function stopEtcd({ pid, exited }: EtcdProcess, { clock, graceMs }: { clock: Clock; graceMs: number }): Promise<void> {
  const abort = new AbortController()
  sendSignal(pid, 'SIGTERM')
  const timedOut = await Promise.race([
    exited.then(() => false),
    clock.sleep(graceMs, abort.signal).then(
      () => true,
      () => false,
    ),
  ])
  abort.abort()
  if (timedOut) sendSignal(pid, 'SIGKILL')
  await exited
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone already.
  }
}

/** A zombie has no command line, so it does not count. */
async function runsOn(pid: number, dataDirectory: string): Promise<boolean> {
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const words = commandLine.split('\0')
  const at = words.indexOf('--data-dir')
  return at > 0 && words[at + 1] === dataDirectory
}

/** Not our child, so its end can only be seen by looking. */
function watchProcess(pid: number, dataDirectory: string, clock: Clock): EtcdProcess {
  const exited = (async () => {
    while (await runsOn(pid, dataDirectory)) await clock.sleep(POLL_MS)
    return 'is gone'
  })()
  return { pid, exited }
}

/** What `restoreEtcd` must know of the member that runs in `directory` once `runEmbeddedEtcd` is given it. */
export function embeddedEtcdPlace(directory: string): { dataDir: string; name: string; initialCluster: string; peerUrl: string } {
  // Its ports are chosen at each start; alone, it has no peer that would look for it there.
  const peerUrl = 'http://127.0.0.1:2380'
  return { dataDir: join(directory, 'data'), name: NAME, initialCluster: `${NAME}=${peerUrl}`, peerUrl }
}

function flagsOf({ dataDirectory, clientPort, peerPort }: EtcdPlace): string[] {
  const client = etcdUrl({ clientPort })
  const peer = `http://127.0.0.1:${peerPort}`
  return Object.entries({
    'data-dir': dataDirectory,
    name: NAME,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `${NAME}=${peer}`,
    'quota-backend-bytes': String(8 * 1024 ** 3),
    'snapshot-count': '10000',
    // Alone, it has nobody to wait for: a short election makes starting quick. It takes five heartbeats or more, and each is work at rest.
    'heartbeat-interval': '100',
    'election-timeout': '500',
    'grpc-keepalive-min-time': '2s',
    logger: 'zap',
    'log-outputs': 'stderr',
    'log-level': 'warn',
  }).flatMap(([flag, value]) => [`--${flag}`, value])
}
