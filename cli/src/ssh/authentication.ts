/** Who we are to a host: keys, an agent, and passwords, in the order OpenSSH tries them. */
import { readFile } from 'node:fs/promises'
import ssh2, { type AnyAuthMethod, type AuthHandlerMiddleware, type ParsedKey } from 'ssh2'
import type { Prompter } from './prompter.ts'
import type { SshSettings } from './settings.ts'

export interface Credentials {
  readonly prompter: Prompter
  /** Used instead of asking. */
  readonly password?: string | undefined
}

const PASSWORD_TRIES_MAX = 3

/** Tries one thing after the other, and remembers what it tried. */
export class Authentication {
  /** What was shown to the host, for the message when nothing helped. */
  readonly tried: string[] = []
  /** What keeps a key or a question from being tried. */
  readonly hindrances: string[] = []
  /** The password that was tried last: sudo mostly wants the same. */
  password: string | undefined
  readonly #settings: SshSettings
  readonly #credentials: Credentials
  readonly #attempts: AsyncGenerator<AnyAuthMethod, void, void>
  #methods: readonly string[] = []

  constructor(settings: SshSettings, credentials: Credentials) {
    this.#settings = settings
    this.#credentials = credentials
    this.#attempts = this.#all()
  }

  /** What the host would take. */
  get methods(): readonly string[] {
    return this.#methods
  }

  /** For ssh2, which calls it with what the host would still take, after each thing that was not enough. */
  readonly handler = ((methodsLeft: string[] | null, _partial: boolean | null, next: (method: AnyAuthMethod | false) => void): void => {
    if (methodsLeft) this.#methods = methodsLeft
    this.#attempts.next().then(
      ({ value }) => next(value ?? false),
      (err: unknown) => {
        this.hindrances.push(err instanceof Error ? err.message : String(err))
        next(false)
      },
    )
  }) as AuthHandlerMiddleware

  #takes(method: string): boolean {
    return this.#methods.includes(method)
  }

  async *#all(): AsyncGenerator<AnyAuthMethod, void, void> {
    const { user: username, agent, identitiesOnly, areIdentitiesNamed } = this.#settings
    // Asks what the host takes; some let one in with nothing.
    yield { type: 'none', username }
    const agentFirst = !areIdentitiesNamed && agent !== undefined
    if (this.#takes('publickey')) {
      if (agentFirst) yield this.#useAgent(agent)
      for (const file of this.#settings.identityFiles) {
        const key = await this.#readKey(file)
        if (!key || !this.#takes('publickey')) continue
        this.tried.push(`the key ${file}`)
        yield { type: 'publickey', username, key: key as unknown as Buffer }
      }
      if (agent !== undefined && !agentFirst && !identitiesOnly) yield this.#useAgent(agent)
    }
    for (let tries = 0; tries < PASSWORD_TRIES_MAX; tries++) {
      const type = this.#takes('password') ? 'password' : this.#takes('keyboard-interactive') ? 'keyboard-interactive' : undefined
      if (!type) return
      if (this.#credentials.password !== undefined && tries > 0) return
      if (this.#credentials.password === undefined && !this.#credentials.prompter.isInteractive) {
        this.hindrances.push('it takes a password, but nobody can be asked for one')
        return
      }
      if (type === 'password') {
        const password = await this.#askPassword(`Password of ${this.#who}: `)
        yield { type, username, password }
      } else {
        this.tried.push('a password')
        yield {
          type,
          username,
          prompt: (_name, _instructions, _language, prompts, finish) => {
            this.#answer(prompts).then(finish, () => finish([]))
          },
        }
      }
    }
  }

  #useAgent(agent: string): AnyAuthMethod {
    this.tried.push('the keys of the SSH agent')
    return { type: 'agent', username: this.#settings.user, agent }
  }

  get #who(): string {
    return `${this.#settings.user}@${this.#settings.host}`
  }

  async #askPassword(question: string): Promise<string> {
    this.tried.push('a password')
    this.password = this.#credentials.password ?? (await this.#credentials.prompter.secret(question))
    return this.password
  }

  async #answer(prompts: readonly { prompt: string; echo?: boolean }[]): Promise<string[]> {
    const answers: string[] = []
    for (const { prompt } of prompts) {
      const isPassword = /password/i.test(prompt)
      const known = isPassword ? this.#credentials.password : undefined
      const answer = known ?? (await this.#credentials.prompter.secret(`${this.#who}: ${prompt}`))
      if (isPassword) this.password = answer
      answers.push(answer)
    }
    return answers
  }

  /** Undefined for a file that is not there or holds no key that can be used. */
  async #readKey(file: string): Promise<ParsedKey | undefined> {
    const text = await readFile(file).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== 'ENOENT' || this.#settings.areIdentitiesNamed) this.hindrances.push(`cannot read the key ${file}: ${err.code}`)
      return undefined
    })
    if (!text) return undefined
    let key: ParsedKey | ParsedKey[] | Error = ssh2.utils.parseKey(text)
    if (key instanceof Error && /encrypted/i.test(key.message)) key = await this.#decrypt(file, text)
    const found = Array.isArray(key) ? key[0] : key
    if (found instanceof Error) {
      this.hindrances.push(`cannot use the key ${file}: ${found.message}`)
      return undefined
    }
    return found
  }

  async #decrypt(file: string, text: Buffer): Promise<ParsedKey | ParsedKey[] | Error> {
    const { prompter } = this.#credentials
    if (!prompter.isInteractive) return new Error('it is encrypted, and nobody can be asked for its passphrase; add it to an SSH agent')
    for (let tries = 1; ; tries++) {
      const key = ssh2.utils.parseKey(text, await prompter.secret(`Passphrase of the key ${file}: `))
      if (!(key instanceof Error) || tries === PASSWORD_TRIES_MAX) return key
    }
  }
}
