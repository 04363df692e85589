import { PassThrough, type Readable } from 'node:stream'
import { SshError } from './errors.ts'
import type { Prompter } from './prompter.ts'

type Input = string | Buffer | Readable

export interface SudoOptions {
  readonly user: string
  /** The host's name, for questions and messages. */
  readonly name: string
  readonly prompter: Prompter
  /** Tried before asking. */
  readonly password: string | undefined
  readonly run: (command: string, input?: string) => Promise<{ code: number; stderr: string }>
}

type Way = { by: 'root' } | { by: 'sudo' } | { by: 'password'; password: string }

const TRIES_MAX = 3

/** How a user becomes root on a host; found out once, when it is first needed. */
export class Sudo {
  readonly #options: SudoOptions
  #way: Promise<Way> | undefined

  constructor(options: SudoOptions) {
    this.#options = options
  }

  /** What to put before a command, and what it then has to read. Throws SshError. */
  async elevate(input?: Input): Promise<{ prefix: string; input?: Input }> {
    this.#way ??= this.#find()
    const way = await this.#way
    if (way.by === 'root') return { prefix: '', ...(input !== undefined && { input }) }
    if (way.by === 'sudo') return { prefix: 'sudo -n -- ', ...(input !== undefined && { input }) }
    // -k: it reads the password each time, and never takes the first line of what is meant for the command for one.
    return { prefix: "sudo -k -S -p '' -- ", input: prepend(`${way.password}\n`, input) }
  }

  async #find(): Promise<Way> {
    const { run, user, name, password, prompter } = this.#options
    if (user === 'root' || (await run('sh -c \'test "$(id -u)" = 0\'')).code === 0) return { by: 'root' }
    const asked = await run("sh -c 'LC_ALL=C sudo -n true'")
    if (asked.code === 0) return { by: 'sudo' }
    if (/not found/.test(asked.stderr)) throw this.#refused('there is no sudo')
    for (let tries = 0; ; tries++) {
      const isKnown = tries === 0 && password !== undefined
      if (!isKnown && !prompter.isInteractive) {
        const why = password === undefined ? 'sudo asks for a password, and nobody can be asked for it' : 'sudo does not take the password'
        throw this.#refused(why, 'set DAVIT_SUDO_PASSWORD, run this in a terminal')
      }
      const candidate = isKnown ? password : await prompter.secret(`Password for sudo of ${name}: `)
      const { code, stderr } = await run('sh -c \'LC_ALL=C sudo -k -S -p "" -- true\'', `${candidate}\n`)
      if (code === 0) return { by: 'password', password: candidate }
      if (/not in the sudoers|not allowed|may not run/i.test(stderr)) throw this.#refused('sudo does not allow it')
      if (/must have a tty/i.test(stderr)) throw this.#refused('sudo wants a terminal ("requiretty" in sudoers)')
      if (tries === TRIES_MAX) throw this.#refused('sudo does not take the password')
    }
  }

  #refused(why: string, remedy = `let "${this.#options.user}" use sudo there ("usermod -aG sudo ${this.#options.user}")`): SshError {
    return new SshError('sudo', `${this.#options.name} cannot become root: ${why}; ${remedy}, or connect as root`)
  }
}

function prepend(first: string, input: Input | undefined): Input {
  if (input === undefined || typeof input === 'string') return first + (input ?? '')
  if (Buffer.isBuffer(input)) return Buffer.concat([Buffer.from(first), input])
  const all = new PassThrough()
  all.write(first)
  input.once('error', err => all.destroy(err))
  return input.pipe(all)
}
