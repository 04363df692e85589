/** Whether to believe the host at the other end, as the user's known_hosts and settings have it. */
import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SshError } from './errors.ts'
import {
  checkHostKey,
  entriesOf,
  fingerprint,
  type HostKey,
  type KnownHost,
  knownHostName,
  knownHostsLine,
  parseKnownHosts,
} from './known-hosts.ts'
import type { Prompter } from './prompter.ts'
import type { SshSettings } from './settings.ts'

export interface HostKeyPolicy {
  readonly prompter: Prompter
  /** Takes the key of a host that is not known yet without asking. */
  readonly acceptsNew: boolean
  /** Told what a person should know, a line each. */
  readonly note: (line: string) => void
}

const WIRE_TYPES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'] as const

export class HostKeys {
  readonly #settings: SshSettings
  readonly #name: string
  #known: readonly KnownHost[]

  private constructor(settings: SshSettings, known: readonly KnownHost[]) {
    this.#settings = settings
    this.#name = settings.hostKeyAlias ?? knownHostName(settings.hostName, settings.port)
    this.#known = known
  }

  static async read(settings: SshSettings): Promise<HostKeys> {
    const files = settings.knownHostsFiles.map(async file => parseKnownHosts(await readFile(file, 'utf8').catch(() => ''), file))
    return new HostKeys(settings, (await Promise.all(files)).flat())
  }

  /** Signature algorithms to ask for: those of known keys first, so that the host shows a key that can be compared. */
  get algorithms(): string[] {
    const known = new Set(entriesOf(this.#known, this.#name).map(({ type }) => type))
    const types = [...WIRE_TYPES.filter(type => known.has(type)), ...WIRE_TYPES.filter(type => !known.has(type))]
    return types.flatMap(type => (type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type]))
  }

  /** Resolves when the key may be trusted; a new one is noted in the user's known_hosts. Throws SshError, saying why and what to do. */
  async check(wire: Buffer, { prompter, acceptsNew, note }: HostKeyPolicy): Promise<void> {
    const shown = { type: typeOf(wire), key: wire.toString('base64') }
    const { hostName, strictHostKeyChecking } = this.#settings
    const said = `${shown.type} ${fingerprint(shown.key)}`
    const verdict = checkHostKey(this.#known, this.#name, shown)
    switch (verdict.is) {
      case 'known':
        return
      case 'revoked':
        throw new SshError('host-key', `${this.#name} shows the key ${said}, which ${verdict.entry.where} revokes: give the host a new key`)
      case 'changed':
        throw new SshError('host-key', this.#changed(said, verdict.entry))
    }
    if (strictHostKeyChecking !== 'accept-new' && !acceptsNew) {
      if (strictHostKeyChecking === 'yes')
        throw new SshError(
          'host-key',
          `${this.#name} is not in known_hosts, and StrictHostKeyChecking is "yes": add its key (${said}) first`,
        )
      if (!prompter.isInteractive) {
        throw new SshError(
          'host-key',
          `${this.#name} is not in known_hosts and nobody can be asked; its key is ${said}: connect once with "ssh", or give --accept-host-key`,
        )
      }
      const question = `The host ${this.#name}${this.#name === hostName ? '' : ` (${hostName})`} is not known yet.\nIts key is ${said}\nIs that right?`
      if (!(await prompter.confirm(question))) throw new SshError('host-key', `The key of ${this.#name} was not accepted`)
    }
    await this.#remember(shown, note)
  }

  #changed(said: string, { key, type, where }: KnownHost): string {
    const forget = `ssh-keygen -R '${this.#name}' -f '${where.replace(/:\d+$/, '')}'`
    return `The key of ${this.#name} has CHANGED: it shows ${said}, but ${where} has ${type} ${fingerprint(key)}. Somebody may be listening in. If the machine was set up anew, forget the old key with: ${forget}`
  }

  async #remember(shown: HostKey, note: (line: string) => void): Promise<void> {
    const { knownHostsFiles, hashKnownHosts } = this.#settings
    const [file = ''] = knownHostsFiles
    this.#known = [...this.#known, { marker: undefined, hosts: this.#name, ...shown, where: file }]
    const line = knownHostsLine(this.#name, shown, { hashed: hashKnownHosts })
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 })
      const before = await readFile(file, 'utf8').catch(() => '')
      await appendFile(file, before === '' || before.endsWith('\n') ? line : `\n${line}`, { mode: 0o600 })
      note(`Added ${this.#name} (${shown.type} ${fingerprint(shown.key)}) to ${file}`)
    } catch (err) {
      note(`Cannot add ${this.#name} to ${file}: ${(err as Error).message}`)
    }
  }
}

/** A key in wire form begins with its type's name. */
function typeOf(wire: Buffer): string {
  return wire.subarray(4, 4 + wire.readUInt32BE(0)).toString('latin1')
}
