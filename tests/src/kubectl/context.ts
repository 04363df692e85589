import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type CommandResult, command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'

const MS_MAX = 120_000
/** Size of the terminals that commands are given. */
export const TERMINAL = { rows: 33, columns: 99 } as const

export interface RunOptions {
  readonly input?: string
  /** The exit code it must have, or one of several; default 0. */
  readonly code?: number | readonly number[]
  readonly env?: Readonly<Record<string, string>>
  /** For commands that know no namespace, or are about one of their own. */
  readonly anywhere?: boolean
}

/** Where a version's cases run. */
export interface Place {
  readonly version: number
  readonly kubeconfig: string
  /** Its namespace for what cases only look at. */
  readonly shared: string
}

/** What a case is given: kubectl of one version in a namespace and a folder of its own. */
export class VerbContext {
  readonly version: number
  readonly namespace: string
  readonly dir: string
  readonly kubeconfig: string
  /** Namespace of the version where the pod `box` and the Deployment and Service `web` run; only to be looked at. */
  readonly shared: string

  constructor({ version, kubeconfig, shared }: Place, namespace: string, dir: string) {
    this.version = version
    this.kubeconfig = kubeconfig
    this.shared = shared
    this.namespace = namespace
    this.dir = dir
  }

  /** Puts the values of `{v}`, `{ns}` and `{shared}` in. */
  fill(text: string): string {
    return text.replaceAll('{v}', String(this.version)).replaceAll('{ns}', this.namespace).replaceAll('{shared}', this.shared)
  }

  async write(name: string, text: string): Promise<string> {
    const path = join(this.dir, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, this.fill(text), { mode: 0o755 })
    return path
  }

  read(name: string): Promise<string> {
    return readFile(join(this.dir, name), 'utf8')
  }

  /** Runs kubectl to its end. Throws when its exit code is another one than wanted. */
  async run(line: string, { input, code = 0, env = {}, anywhere = false }: RunOptions = {}): Promise<CommandResult> {
    const args = this.#arguments(line, anywhere)
    const result = await command(await kubectlBinary(this.version), args, {
      cwd: this.dir,
      env: { ...this.#env(), ...env },
      timeoutMs: MS_MAX,
      allowFailure: true,
      ...(input !== undefined && { input: this.fill(input) }),
    })
    if (([] as number[]).concat(code).includes(result.code)) return result
    throw new Error(`kubectl ${args.join(' ')} exited with ${result.code}, wanted ${code}: ${result.stderr}${result.stdout}`)
  }

  /** What it prints on standard output. */
  async out(line: string, options?: RunOptions): Promise<string> {
    return (await this.run(line, options)).stdout
  }

  /** Runs it again until it prints a match. */
  async until(line: string, says: RegExp): Promise<string> {
    const end = performance.now() + MS_MAX
    for (;;) {
      const { stdout, stderr, code } = await command(await kubectlBinary(this.version), this.#arguments(line), {
        cwd: this.dir,
        env: this.#env(),
        allowFailure: true,
      })
      if (says.test(stdout + stderr)) return stdout
      if (performance.now() > end) throw new Error(`kubectl ${line} printed no ${says} but ${stdout}${stderr} (${code})`)
      await delay(200)
    }
  }

  /** Starts it; it ends with the case. */
  async start(line: string, { pty = false }: { pty?: boolean } = {}): Promise<Started> {
    const binary = await kubectlBinary(this.version)
    const args = this.#arguments(line)
    // `script` gives it a terminal of its own.
    const inTerminal = ['-qec', `stty rows ${TERMINAL.rows} cols ${TERMINAL.columns}; ${quoted([binary, ...args])}`, '/dev/null']
    const [file, argv]: [string, string[]] = pty ? ['script', inTerminal] : [binary, args]
    const child = spawn(file, argv, { cwd: this.dir, env: this.#env(), stdio: ['pipe', 'pipe', 'pipe'], timeout: MS_MAX })
    const started = new Started(line, child)
    this.#started.push(started)
    return started
  }

  readonly #started: Started[] = []

  stop(): void {
    for (const started of this.#started) started.kill()
  }

  #arguments(line: string, anywhere = false): string[] {
    const words = this.fill(line).match(/(?:[^\s']|'[^']*')+/g) ?? []
    const said = words.map(word => word.replaceAll("'", ''))
    return anywhere ? said : ['--namespace', this.namespace, ...said]
  }

  #env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, KUBECONFIG: this.kubeconfig, HOME: dirname(this.dir), TERM: 'xterm' }
  }
}

/** A kubectl that runs on. */
export class Started {
  readonly #line: string
  readonly #child: ChildProcess
  readonly #ended: Promise<number>
  #printed = ''
  #onPrint = () => {}

  constructor(line: string, child: ChildProcess) {
    this.#line = line
    this.#child = child
    this.#ended = new Promise((resolve, reject) => child.once('error', reject).once('close', code => resolve(code ?? -1)))
    this.#ended.then(
      () => this.#onPrint(),
      () => this.#onPrint(),
    )
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', text => {
        this.#printed += text
        this.#onPrint()
      })
    }
    child.stdin?.on('error', () => {})
  }

  /** Resolves once it has printed a match. Rejects when it ends without. */
  async prints(wanted: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = wanted.exec(this.#printed)
      if (found) return found
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) {
        await this.#ended
        const last = wanted.exec(this.#printed)
        if (last) return last
        throw new Error(`kubectl ${this.#line} ended with ${this.#child.exitCode} and printed no ${wanted} but ${this.#printed}`)
      }
      await new Promise<void>(resolve => {
        this.#onPrint = resolve
      })
    }
  }

  type(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Ends its input. */
  endInput(): void {
    this.#child.stdin?.end()
  }

  /** Resolves with its exit code. */
  ends(): Promise<number> {
    return this.#ended
  }

  kill(): void {
    this.#child.kill()
  }
}

function quoted(words: readonly string[]): string {
  return words.map(word => `'${word}'`).join(' ')
}
