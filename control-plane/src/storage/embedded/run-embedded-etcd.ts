/**
 * etcd as a part of the control plane, for those who run one replica. It is a process of its own that a crash of ours
 * leaves running; the next control plane adopts it instead of starting a second one on the same data.
 */
import { chmod, mkdir, readFile, rename, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Clock, type Logger, systemClock } from '@davit/api'
import { lockDirectory } from './directory-lock.ts'
import { type EtcdPlace, type EtcdProcess, etcdUrl, findEtcd, isHealthy, startEtcd, stopEtcd } from './etcd-process.ts'
import { choosePorts, readState, writeState } from './etcd-state.ts'

export interface EmbeddedEtcdOptions {
  /** Made if absent; holds the data, `etcd.json` and `etcd.log`. */
  readonly dataDir: string
  readonly log: Logger
  /** Aborting stops etcd. */
  readonly signal: AbortSignal
  /** Default: `etcd` from PATH. */
  readonly binary?: string
  /** Default: `etcd.log` in `dataDir`. */
  readonly logFile?: string
  readonly clock?: Clock
}

export interface EmbeddedEtcd {
  /** Same for as long as this control plane lives. */
  readonly urls: string[]
  /** Settles once etcd has stopped after `signal` aborted. */
  readonly stopped: Promise<void>
}

const LOCK_WAIT_MS = 5000
const HEALTHY_WAIT_MS = 30_000
const HEALTHY_POLL_MS = 25
const STOP_GRACE_MS = 10_000
const RESTART_DELAY_MS = 100
const RESTART_DELAY_MS_MAX = 5000
/** Who ran this long is started again without delay. */
const STEADY_MS = 60_000
const LOG_BYTES_MAX = 32 * 1024 * 1024
const LOG_TAIL_BYTES = 2000

/** Resolves once etcd answers. Rejects when it cannot be started, or when another process of ours uses the directory. */
export async function runEmbeddedEtcd(options: EmbeddedEtcdOptions): Promise<EmbeddedEtcd> {
  const { signal, clock = systemClock } = options
  const directory = resolve(options.dataDir)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = await lockDirectory(directory, { clock, signal, waitMs: LOCK_WAIT_MS })
  try {
    const supervisor = new Supervisor(directory, { ...options, clock })
    const first = await supervisor.begin()
    const stopped = supervisor.supervise(first).finally(() => lock[Symbol.asyncDispose]())
    return { urls: [supervisor.url], stopped }
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

class Supervisor {
  readonly #directory: string
  readonly #options: EmbeddedEtcdOptions & { readonly clock: Clock }
  #place: EtcdPlace

  constructor(directory: string, options: EmbeddedEtcdOptions & { readonly clock: Clock }) {
    this.#directory = directory
    this.#options = options
    this.#place = {
      dataDirectory: join(directory, 'data'),
      logFile: options.logFile ?? join(directory, 'etcd.log'),
      clientPort: 0,
      peerPort: 0,
    }
  }

  get url(): string {
    return etcdUrl(this.#place)
  }

  /** Adopts what is running, or starts it. */
  async begin(): Promise<EtcdProcess> {
    const { log, clock } = this.#options
    const state = await readState(this.#directory)
    const orphan = await findEtcd(this.#place.dataDirectory, state?.pid, clock)
    if (orphan && state) {
      this.#place = { ...this.#place, clientPort: state.clientPort, peerPort: state.peerPort }
      if (await this.#becomesHealthy(orphan)) {
        log.info({ pid: orphan.pid, url: this.url }, 'Adopted a running etcd')
        return orphan
      }
    }
    if (orphan) {
      log.warn({ pid: orphan.pid }, 'Stopping an etcd on our data that does not answer')
      await stopEtcd(orphan, { clock, graceMs: STOP_GRACE_MS })
    }
    this.#place = { ...this.#place, ...(await choosePorts(state)) }
    await rotate(this.#place.logFile)
    const started = await this.#start()
    if (await this.#becomesHealthy(started)) return started

    await stopEtcd(started, { clock, graceMs: STOP_GRACE_MS })
    this.#options.signal.throwIfAborted()
    throw new Error(`Cannot start etcd: it did not become healthy; its log ends: ${await tail(this.#place.logFile)}`)
  }

  /** Starts it again whenever it dies, until the signal aborts; then stops it. */
  async supervise(first: EtcdProcess): Promise<void> {
    const { clock, log, signal } = this.#options
    const aborted = new Promise<'aborted'>(done => {
      if (signal.aborted) done('aborted')
      signal.addEventListener('abort', () => done('aborted'), { once: true })
    })
    let current: EtcdProcess | undefined = first
    let delayMs = 0
    while (current) {
      const startMs = clock.monotonic()
      const outcome = await Promise.race([current.exited, aborted])
      if (signal.aborted) return stopEtcd(current, { clock, graceMs: STOP_GRACE_MS })
      const steady = clock.monotonic() - startMs > STEADY_MS
      delayMs = steady ? 0 : Math.min(RESTART_DELAY_MS_MAX, delayMs === 0 ? RESTART_DELAY_MS : delayMs * 2)
      log.error({ pid: current.pid, outcome, delayMs }, 'etcd died; starting it again')
      current = await this.#startAgain(delayMs)
    }
  }

  async #startAgain(firstDelayMs: number): Promise<EtcdProcess | undefined> {
    const { clock, log, signal } = this.#options
    for (let delayMs = firstDelayMs; !signal.aborted; delayMs = Math.min(RESTART_DELAY_MS_MAX, Math.max(RESTART_DELAY_MS, delayMs * 2))) {
      await clock.sleep(delayMs, signal).catch(() => {})
      if (signal.aborted) return undefined
      try {
        return await this.#start()
      } catch (err) {
        log.error({ err, delayMs }, 'Cannot start etcd again')
      }
    }
    return undefined
  }

  async #start(): Promise<EtcdProcess> {
    const { binary = 'etcd', log } = this.#options
    const { dataDirectory, clientPort, peerPort } = this.#place
    await mkdir(dataDirectory, { recursive: true, mode: 0o700 })
    await chmod(dataDirectory, 0o700)
    await writeState(this.#directory, { clientPort, peerPort })
    const started = await startEtcd(this.#place, binary)
    await writeState(this.#directory, { pid: started.pid, clientPort, peerPort })
    log.info({ pid: started.pid, url: this.url }, 'Started etcd')
    return started
  }

  /** False when it exits first, takes too long, or the signal aborts. */
  async #becomesHealthy({ exited }: EtcdProcess): Promise<boolean> {
    const { clock, signal } = this.#options
    const start = clock.monotonic()
    let gone = false
    void exited.then(() => {
      gone = true
    })
    while (!gone && !signal.aborted && clock.monotonic() - start < HEALTHY_WAIT_MS) {
      if (await isHealthy(this.url)) return true
      await clock.sleep(HEALTHY_POLL_MS, signal).catch(() => {})
    }
    return false
  }
}

/** Keeps one older log. */
async function rotate(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  )
  if (size > LOG_BYTES_MAX) await rename(logFile, `${logFile}.1`)
}

async function tail(logFile: string): Promise<string> {
  const text = await readFile(logFile, 'utf8').catch(() => '')
  return text.slice(-LOG_TAIL_BYTES).trim()
}
