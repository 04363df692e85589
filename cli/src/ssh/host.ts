import { type Duplex, Readable, type Writable } from 'node:stream'
import type { Client, ClientChannel, ExecOptions } from 'ssh2'
import { SshError } from './errors.ts'
import type { Prompter } from './prompter.ts'
import { shellQuote } from './quote.ts'
import { Sudo } from './sudo.ts'
import { formatTarget, type SshTarget } from './target.ts'
import { sendFile, type UploadOptions, type UploadSource } from './upload.ts'

export interface RunOptions {
  /** Runs as root, by sudo when the user is not root. */
  readonly sudo?: boolean
  /** What the command reads; nothing when left out. */
  readonly input?: string | Buffer | Readable
  readonly signal?: AbortSignal
  /** Longest it may take, milliseconds; 0: no limit. Default one minute. */
  readonly timeoutMs?: number
  /** Given each line of standard output as it comes; the result then holds none. */
  readonly onLine?: (line: string) => void
}

export interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface ShellTerminal {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Given: the other end gets a terminal of this size. */
  readonly window?: { read(): { columns: number; rows: number }; onChange(listener: () => void): () => void; term: string }
}

export interface HostFacts {
  readonly target: Required<SshTarget>
  readonly prompter: Prompter
  /** For sudo. */
  readonly password: string | undefined
  /** The host this one is reached through; closed with it. */
  readonly through?: SshHost
}

const RUN_MS_MAX = 60_000
const OUTPUT_BYTES_MAX = 4 << 20

/** A machine we are logged in to. */
export class SshHost {
  readonly target: Required<SshTarget>
  readonly #client: Client
  readonly #through: SshHost | undefined
  readonly #sudo: Sudo
  #isClosed = false

  constructor(client: Client, { target, prompter, password, through }: HostFacts) {
    this.#client = client
    this.target = target
    this.#through = through
    this.#sudo = new Sudo({
      user: target.user,
      name: this.name,
      prompter,
      password,
      run: (command, input = '') => this.#run(command, { input }),
    })
    client.once('close', () => {
      this.#isClosed = true
    })
  }

  /** `admin@10.0.0.21:22` */
  get name(): string {
    return formatTarget(this.target)
  }

  /** The connection has ended, or was lost. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Runs a command of the POSIX shell. Rejects with SshError when it cannot be run or the connection is lost, not when it fails. */
  async run(command: string, options: RunOptions = {}): Promise<RunResult> {
    if (!options.sudo) return this.#run(`sh -c ${shellQuote(command)}`, options)
    const { prefix, input } = await this.#sudo.elevate(options.input)
    return this.#run(`${prefix}sh -c ${shellQuote(command)}`, { ...options, ...(input !== undefined && { input }) })
  }

  /** Like run(), and rejects with SshError `what` and the last line the command said when it fails. Gives standard output. */
  async demand(what: string, command: string, options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, options)
    if (code === 0) return stdout
    const said = `${stderr}\n${stdout}`.trim().split('\n').at(-1)?.trim()
    throw new SshError('command', `Cannot ${what}: ${said || `the command ended with ${code}`}`)
  }

  /** Puts a file in place in one step, with the same content or not at all. Throws SshError. */
  async upload(source: Buffer | string | UploadSource, path: string, options: UploadOptions): Promise<void> {
    await sendFile(this, source, path, options)
  }

  /** A shell, or one command, at a person's terminal. Gives its exit code. */
  async shell(command: string | undefined, { stdin, stdout, stderr, window }: ShellTerminal): Promise<number> {
    const size = window?.read()
    const pty = window && size && { term: window.term, cols: size.columns, rows: size.rows }
    const { channel, ended } = await this.#open(done =>
      command === undefined ? this.#client.shell(pty ?? false, done) : this.#client.exec(command, pty ? { pty } : {}, done),
    )
    const stopListening = window?.onChange(() => {
      const { columns, rows } = window.read()
      channel.setWindow(rows, columns, 0, 0)
    })
    try {
      stdin.pipe(channel)
      channel.pipe(stdout, { end: false })
      channel.stderr.pipe(stderr, { end: false })
      return await ended
    } finally {
      stopListening?.()
      stdin.unpipe(channel)
      stdin.pause()
    }
  }

  /** A connection from this host to another place, as a jump host makes it. */
  dial(host: string, port: number): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      this.#client.forwardOut('127.0.0.1', 0, host, port, (err, channel) => {
        if (!err) return resolve(channel)
        const why = /prohibited/i.test(err.message)
          ? `it forbids forwarding: set "AllowTcpForwarding yes" in its sshd_config`
          : `${err.message}; check the address as seen from there`
        reject(new SshError('unreachable', `${this.name} does not lead to ${host}:${port}: ${why}`, { cause: err }))
      })
    })
  }

  close(): void {
    this.#client.end()
    this.#through?.close()
  }

  async #run(command: string, { input, signal, timeoutMs = RUN_MS_MAX, onLine }: RunOptions): Promise<RunResult> {
    signal?.throwIfAborted()
    const { channel, ended } = await this.#open(done => this.#client.exec(command, {} satisfies ExecOptions, done))
    const stdout = onLine ? lineReader(onLine) : collector()
    const stderr = collector()
    channel.on('data', (chunk: Buffer) => stdout.add(chunk))
    channel.stderr.on('data', (chunk: Buffer) => stderr.add(chunk))
    channel.on('error', () => {})
    let give: (err: unknown) => void = () => {}
    const given = new Promise<never>((_, reject) => {
      give = reject
    })
    const onAbort = () => give(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    const late = () => give(new SshError('deadline', `${this.name} did not finish within ${timeoutMs / 1000} s: ${command.slice(0, 80)}`))
    const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined
    if (input instanceof Readable) {
      input.once('error', give)
      input.pipe(channel)
    } else channel.end(input)
    try {
      const code = await Promise.race([ended, given])
      return { code, stdout: stdout.end(), stderr: stderr.end() }
    } catch (err) {
      // Not waited for: a program that ignores it would hold us up, too.
      if (!this.#isClosed) channel.signal('TERM')
      channel.close()
      throw err
    } finally {
      signal?.removeEventListener('abort', onAbort)
      clearTimeout(timer)
    }
  }

  /** Listens for the end from the very start: a short command's may be in the same packet as its beginning. */
  #open(
    start: (done: (err: Error | undefined, channel: ClientChannel) => void) => unknown,
  ): Promise<{ channel: ClientChannel; ended: Promise<number> }> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(this.#lost())
      if (this.#isClosed) return lost()
      this.#client.once('close', lost)
      start((err, channel) => {
        this.#client.off('close', lost)
        if (err) reject(new SshError('lost', `${this.name} does not run commands: ${err.message}`, { cause: err }))
        else resolve({ channel, ended: this.#ended(channel) })
      })
    })
  }

  /** The exit code, as a shell gives it for a program a signal ended. Rejects when the connection breaks before. */
  #ended(channel: ClientChannel): Promise<number> {
    const ended = new Promise<number>((resolve, reject) => {
      let code: number | undefined
      const lost = () => reject(this.#lost())
      this.#client.once('close', lost)
      channel.once('exit', (status: number | null) => {
        code = status ?? 255
      })
      channel.once('close', () => {
        this.#client.off('close', lost)
        if (code === undefined) lost()
        else resolve(code)
      })
    })
    // Whoever gave up before hears no more of it.
    ended.catch(() => {})
    return ended
  }

  #lost(): SshError {
    return new SshError('lost', `The connection to ${this.name} was lost: check the machine and the network, and run this again`)
  }
}

interface Sink {
  add(chunk: Buffer): void
  end(): string
}

/** Keeps the end of what is said; nobody reads more of it. */
function collector(): Sink {
  let chunks: Buffer[] = []
  let size = 0
  return {
    add(chunk) {
      chunks.push(chunk)
      size += chunk.length
      if (size <= OUTPUT_BYTES_MAX) return
      chunks = [Buffer.concat(chunks).subarray(-OUTPUT_BYTES_MAX / 2)]
      size = chunks[0]?.length ?? 0
    },
    end: () => Buffer.concat(chunks).toString('utf8'),
  }
}

function lineReader(onLine: (line: string) => void): Sink {
  const decoder = new TextDecoder()
  let rest = ''
  return {
    add(chunk) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    },
    end() {
      if (rest) onLine(rest)
      return ''
    },
  }
}
