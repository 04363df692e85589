/** The real control plane as a process of its own, which a test may kill, stop and start again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connectHttp, type HttpClient } from '@davit/api'
import { freePorts } from '@davit/api/testing'
import { type Answer, type Ask, must, send } from './send.ts'

const MAIN = fileURLToPath(new URL('../../../control-plane/dist/main.js', import.meta.url))
const START_MS_MAX = 90_000
const STOP_MS_MAX = 20_000
const LINES_MAX = 2000

export interface ControlPlane extends AsyncDisposable {
  readonly dataDir: string
  readonly port: number
  readonly pid: number
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string
  readonly certificateAuthority: string
  /** The administrator's. */
  readonly credentials: Credentials
  /** The typed client, as the administrator. */
  readonly client: HttpClient
  /** One request, by default the administrator's; `as` names other credentials, or nobody's. */
  ask(ask: Ask, as?: Credentials | 'nobody'): Promise<Answer>
  /** The same where only that code is right. */
  must(code: number, ask: Ask, as?: Credentials | 'nobody'): Promise<Answer>
  /** Whether the process has not ended. */
  isAlive(): boolean
  /** The latest lines of its log, parsed. */
  readonly log: readonly LogLine[]
  signal(signal: NodeJS.Signals): void
  /** SIGKILL; resolves once it is gone. Its etcd lives on. */
  kill(): Promise<void>
  /** Starts it again after its end; resolves once it serves. */
  start(): Promise<void>
  /** SIGTERM; gives the exit code. */
  stop(): Promise<number | null>
}

export interface Credentials {
  readonly certificate: string
  readonly key: string
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string; readonly level?: number }

export interface StartOptions {
  /** Default: an etcd embedded in it. */
  readonly etcdUrl?: string
  readonly args?: readonly string[]
  /** A directory that is there already, as after a restore; it is removed in the end like any other. */
  readonly dataDir?: string
  /** The other replica of the same cluster, whose keys it gets. */
  readonly besides?: ControlPlane
  /** Directory with the cluster's keys, of which it gets a copy. */
  readonly pki?: string
}

/** Starts a control plane on a free loopback port with data of its own; resolves once it serves. */
export async function startControlPlane({ etcdUrl, args = [], besides, pki, dataDir: given }: StartOptions = {}): Promise<ControlPlane> {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'davit-test-control-plane-')))
  const keys = besides ? join(besides.dataDir, 'pki') : pki
  if (keys) await cp(keys, join(dataDir, 'pki'), { recursive: true })
  const [port = 0] = await freePorts(1)
  const flags = ['--data-dir', dataDir, '--port', String(port), '--bind-address', '127.0.0.1', '--name', `test-${port}`]
  if (etcdUrl) flags.push('--etcd', etcdUrl)
  const running = new Running(dataDir, port, [...flags, ...args])
  try {
    await running.start()
    return running
  } catch (error) {
    await running[Symbol.asyncDispose]()
    throw error
  }
}

class Running implements ControlPlane {
  readonly dataDir: string
  readonly port: number
  readonly log: LogLine[] = []
  readonly #flags: readonly string[]
  readonly #agents = new Map<Credentials | 'nobody', Agent>()
  #child: ChildProcess | undefined
  #certificateAuthority = ''
  #credentials: Credentials = { certificate: '', key: '' }
  #client: HttpClient | undefined

  constructor(dataDir: string, port: number, flags: readonly string[]) {
    this.dataDir = dataDir
    this.port = port
    this.#flags = flags
  }

  get kubeconfig(): string {
    return join(this.dataDir, 'admin.kubeconfig')
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get certificateAuthority(): string {
    return this.#certificateAuthority
  }

  get credentials(): Credentials {
    return this.#credentials
  }

  get client(): HttpClient {
    this.#client ??= connectHttp({
      servers: [`https://127.0.0.1:${this.port}`],
      certificateAuthority: this.#certificateAuthority,
      ...this.#credentials,
    })
    return this.#client
  }

  ask(ask: Ask, as: Credentials | 'nobody' = this.#credentials): Promise<Answer> {
    let agent = this.#agents.get(as)
    if (!agent) {
      const own = as === 'nobody' ? {} : { cert: as.certificate, key: as.key }
      agent = new Agent({ keepAlive: true, maxSockets: 16, ca: this.#certificateAuthority, ...own })
      this.#agents.set(as, agent)
    }
    return send({ port: this.port, agent }, ask)
  }

  must(code: number, ask: Ask, as?: Credentials | 'nobody'): Promise<Answer> {
    return must(this.ask(ask, as), code)
  }

  isAlive(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, ['--enable-source-maps', MAIN, ...this.#flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const stop = () => void child.kill('SIGKILL')
    process.once('exit', stop)
    child.once('exit', () => process.off('exit', stop))
    let said = ''
    child.stderr.on('data', chunk => {
      said = `${said}${chunk}`.slice(-4000)
    })
    const served = new Promise<void>(resolve => {
      createInterface({ input: child.stdout }).on('line', line => {
        const entry = parseLine(line)
        this.log.push(entry)
        if (this.log.length > LINES_MAX) this.log.splice(0, LINES_MAX / 2)
        if (entry.msg === 'The API is served') resolve()
      })
    })
    const outcome = await Promise.race([served.then(() => 'served'), once(child, 'exit'), delay(START_MS_MAX, 'late', { ref: false })])
    if (outcome !== 'served') {
      stop()
      const lines = this.log.slice(-10).map(entry => JSON.stringify(entry))
      throw new Error(`Cannot start a control plane: ${said || lines.join('\n')}`)
    }
    const read = (file: string) => readFile(join(this.dataDir, 'pki', file), 'utf8')
    this.#certificateAuthority = certificateIn(await read('ca.pem'))
    const admin = await read('admin.pem')
    this.#credentials = { certificate: certificateIn(admin), key: admin }
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (!child || !this.isAlive()) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  async stop(): Promise<number | null> {
    const child = this.#child
    if (!child || !this.isAlive()) return child?.exitCode ?? null
    const gone = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX)
    await gone
    clearTimeout(late)
    return child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client?.close()
    for (const agent of this.#agents.values()) agent.destroy()
    await this.stop()
    // One that a killed control plane left behind.
    for (const pid of await etcdsOn(this.dataDir)) signalProcess(pid, 'SIGKILL')
    await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 })
  }
}

function parseLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { msg: line }
  }
}

function certificateIn(pem: string): string {
  return /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/.exec(pem)?.[0] ?? ''
}

/** Processes named etcd that have `dataDir` in their command line. */
export async function etcdsOn(dataDir: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const program = await readlink(`/proc/${name}/exe`).catch(() => '')
    if (!program.endsWith('/etcd')) continue
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')
    if (line.includes(dataDir)) found.push(Number(name))
  }
  return found
}

/** Does nothing when the process is gone. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
