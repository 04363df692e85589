import { spawn } from 'node:child_process'
import { Duplex } from 'node:stream'
import ssh2, { type Client, type ClientErrorExtensions, type ConnectConfig } from 'ssh2'
import { Authentication } from './authentication.ts'
import { SshError } from './errors.ts'
import { SshHost } from './host.ts'
import { HostKeys } from './host-key.ts'
import type { Prompter } from './prompter.ts'
import { readSshConfig, type SettingsOptions, type SshSettings, settingsFor } from './settings.ts'
import { formatTarget, parseTarget, type SshTarget } from './target.ts'

export interface SshOptions extends SettingsOptions {
  readonly prompter: Prompter
  /** Used instead of asking, for the host itself and not for those on the way. */
  readonly password?: string
  /** For sudo; else the password of the login, else asked. */
  readonly sudoPassword?: string
  /** Takes the key of a host that is not known yet without asking. */
  readonly acceptHostKey?: boolean
  /** Told what a person should know, a line each. */
  readonly note?: (line: string) => void
  readonly signal?: AbortSignal
}

const KEEPALIVE = { keepaliveInterval: 5_000, keepaliveCountMax: 3 }
const JUMPS_MAX = 8

/**
 * Connects to `[user@]host[:port]` as `ssh` would: configuration, known hosts, jump hosts, keys, agent, passwords. Throws SshError, which
 * says why not and what to do.
 */
export async function connectSsh(target: string | SshTarget, options: SshOptions): Promise<SshHost> {
  const parsed = typeof target === 'string' ? parseTarget(target) : target
  const config = await readSshConfig(options)
  return open(parsed, config, options, { depth: 0 })
}

async function open(
  target: SshTarget,
  config: string,
  options: SshOptions,
  { depth, through }: { depth: number; through?: SshHost },
): Promise<SshHost> {
  const settings = settingsFor(target, config, options)
  if (depth > JUMPS_MAX)
    throw new SshError('target', `"${target.host}" leads through more than ${JUMPS_MAX} hosts: check ProxyJump in ~/.ssh/config`)
  const { jump: _jump, password: _password, ...onTheWay } = options
  let last = through
  try {
    // Only the first jump host may need another before it: the others are reached through the one before them.
    for (const name of through ? [] : settings.jumps)
      last = await open(parseTarget(name), config, onTheWay, { depth: depth + 1, ...(last && { through: last }) })
    return await login(target, settings, options, last)
  } catch (err) {
    if (last !== through) last?.close()
    throw err
  }
}

async function login(target: SshTarget, settings: SshSettings, options: SshOptions, through: SshHost | undefined): Promise<SshHost> {
  const { prompter, password, note = () => {}, signal } = options
  const deadline = new Deadline(settings.connectTimeoutMs, signal)
  const patient: Prompter = {
    isInteractive: prompter.isInteractive,
    secret: question => deadline.paused(() => prompter.secret(question)),
    confirm: question => deadline.paused(() => prompter.confirm(question)),
  }
  const keys = await HostKeys.read(settings)
  const authentication = new Authentication(settings, { prompter: patient, password })
  const client = new ssh2.Client()
  let refusal: unknown
  const connectConfig: ConnectConfig = {
    host: settings.hostName,
    port: settings.port,
    username: settings.user,
    // Our own deadline stands still while somebody is asked something.
    readyTimeout: 0,
    ...KEEPALIVE,
    algorithms: { serverHostKey: keys.algorithms as never },
    authHandler: authentication.handler,
    hostVerifier: (key: Buffer, verify: (isRight: boolean) => void) => {
      keys.check(key, { prompter: patient, acceptsNew: options.acceptHostKey === true, note }).then(
        () => verify(true),
        (err: unknown) => {
          refusal = err
          verify(false)
        },
      )
    },
  }
  try {
    const sock = through ? await through.dial(settings.hostName, settings.port) : runProxy(settings.proxyCommand)
    await ready(client, { ...connectConfig, ...(sock && { sock }) }, deadline)
  } catch (err) {
    client.destroy()
    throw refusal ?? explain(err, settings, authentication)
  } finally {
    deadline.end()
  }
  return new SshHost(client, {
    target: { host: target.host, user: settings.user, port: settings.port },
    prompter,
    password: options.sudoPassword ?? authentication.password,
    ...(through && { through }),
  })
}

function ready(client: Client, config: ConnectConfig, deadline: Deadline): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays for good: what goes wrong later is each command's to tell, and must not end the process.
    client.on('error', reject)
    client.once('ready', resolve)
    client.once('close', () => reject(new Error('the host closed the connection')))
    deadline.expired.catch(reject)
    client.connect(config)
  })
}

function runProxy(command: string | undefined): Duplex | undefined {
  if (!command) return undefined
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], { stdio: ['pipe', 'pipe', 'inherit'] })
  const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin })
  child.once('error', err => duplex.destroy(err))
  duplex.once('close', () => child.kill())
  return duplex
}

/** One line for a person: what ssh2 says of it is for those who know SSH's inside. */
function explain(err: unknown, settings: SshSettings, { tried, hindrances, methods }: Authentication): SshError {
  const { level, code, message } = err as Error & ClientErrorExtensions & { code?: string }
  const { user, hostName, port } = settings
  const where = formatTarget({ host: hostName, port })
  if (err instanceof SshError) return err
  if (level === 'client-authentication' || /authentication failures/i.test(message)) {
    const shown = tried.length > 0 ? `tried ${[...new Set(tried)].join(', ')}` : 'there was nothing to show'
    const why = hindrances.length > 0 ? `; ${hindrances.join('; ')}` : ''
    return new SshError(
      'authentication',
      `${where} does not let "${user}" in: ${shown}${why}; it takes ${methods.join(', ') || 'nothing'}. ${remedyFor(settings, methods)}`,
      { cause: err },
    )
  }
  const reasons: Record<string, string> = {
    ECONNREFUSED: `${where} refuses connections: is sshd running there, and on port ${port}?`,
    ENOTFOUND: `There is no host "${hostName}": check its name, or give its address`,
    EAI_AGAIN: `The name "${hostName}" cannot be looked up now: check this machine's DNS, or give the host's address`,
    EHOSTUNREACH: `There is no way to ${where}: check the address and the network between`,
    ENETUNREACH: `There is no way to ${where}: check the address and the network between`,
    ETIMEDOUT: `${where} does not answer: check the address, that the machine is on, and firewalls between`,
  }
  const reason = (code && reasons[code]) || `Cannot connect to ${where}: ${message}; check that an SSH server listens there`
  return new SshError('unreachable', reason, { cause: err })
}

function remedyFor({ user, host, port }: SshSettings, methods: readonly string[]): string {
  const flags = port === 22 ? '' : `-p ${port} `
  if (methods.includes('publickey'))
    return `Put your key there with "ssh-copy-id ${flags}${user}@${host}", or name another with --identity-file`
  return 'Set DAVIT_SSH_PASSWORD, or run this in a terminal'
}

/** Runs out after so much time in which nobody was asked anything. */
class Deadline {
  readonly expired: Promise<never>
  #leftMs: number
  #since = 0
  #timer: NodeJS.Timeout | undefined
  #asking = 0
  #fail: (err: unknown) => void = () => {}
  readonly #ms: number

  constructor(ms: number, signal: AbortSignal | undefined) {
    this.#ms = ms
    this.#leftMs = ms
    this.expired = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.expired.catch(() => {})
    if (signal?.aborted) this.#fail(signal.reason)
    signal?.addEventListener('abort', () => this.#fail(signal.reason), { once: true })
    this.#run()
  }

  async paused<T>(work: () => Promise<T>): Promise<T> {
    if (this.#asking++ === 0) {
      clearTimeout(this.#timer)
      this.#leftMs -= performance.now() - this.#since
    }
    try {
      return await work()
    } finally {
      if (--this.#asking === 0) this.#run()
    }
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #run(): void {
    this.#since = performance.now()
    const text = `the host did not answer within ${this.#ms / 1000} s`
    this.#timer = setTimeout(() => this.#fail(Object.assign(new Error(text), { code: 'ETIMEDOUT' })), Math.max(1_000, this.#leftMs))
  }
}
