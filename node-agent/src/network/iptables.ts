import { readFile } from 'node:fs/promises'
import { CommandError, runCommand } from './command.ts'

export type Table = 'filter' | 'nat' | 'raw'
export const TABLES: readonly Table[] = ['filter', 'nat', 'raw']

/** Rules of this host's kernel. */
export interface KernelTables {
  /** Applies a text in iptables-restore's form, leaving what it does not name as it is. All of a table or nothing. */
  restore(input: string): Promise<void>
  /** The whole of a table, as iptables-save prints it. */
  save(table: Table): Promise<string>
  /** The rules of one chain, as `-A CHAIN …` lines; undefined when there is no such chain. */
  rules(table: Table, chain: string): Promise<string[] | undefined>
}

/** The iptables programs of one backend. Calls run one after another: they would only wait for each other's lock. */
class Iptables implements KernelTables {
  /** `iptables`, `iptables-nft` or `iptables-legacy`. */
  readonly program: string
  #last: Promise<unknown> = Promise.resolve()

  constructor(program: string) {
    this.program = program
  }

  restore(input: string): Promise<void> {
    return this.#next(async () => {
      await runCommand(`${this.program}-restore`, ['--noflush', '--wait', '5'], { input, timeoutMs: 120_000 })
    })
  }

  save(table: Table): Promise<string> {
    return this.#next(() => runCommand(`${this.program}-save`, ['-t', table], { timeoutMs: 60_000 }))
  }

  async rules(table: Table, chain: string): Promise<string[] | undefined> {
    try {
      const text = await this.run(table, '-S', chain)
      return text.split('\n').filter(line => line.startsWith('-A '))
    } catch (err) {
      if (err instanceof CommandError && err.code === 1) return undefined
      throw err
    }
  }

  run(table: Table, ...args: string[]): Promise<string> {
    return this.#next(() => runCommand(this.program, ['--wait', '5', '-t', table, ...args]))
  }

  #next<R>(step: () => Promise<R>): Promise<R> {
    const result = this.#last.then(step, step)
    this.#last = result.catch(() => {})
    return result
  }
}

let found: Promise<Iptables> | undefined

/** The backend that holds Docker's chains, else the system's default. Looked for once: a host does not change it while Docker runs. */
export function findIptables(): Promise<Iptables> {
  found ??= find().catch(err => {
    found = undefined
    throw err
  })
  return found
}

/** The backends that may hold rules in `table`. The legacy one makes a table by looking at it, so it is asked only when it has that table. */
export async function backendsWith(table: Table): Promise<Iptables[]> {
  const legacy = await readFile('/proc/net/ip_tables_names', 'utf8').catch(() => '')
  return [new Iptables('iptables-nft'), ...(legacy.split('\n').includes(table) ? [new Iptables('iptables-legacy')] : [])]
}

async function find(): Promise<Iptables> {
  for (const iptables of await backendsWith('nat')) {
    if ((await iptables.save('nat').catch(() => '')).includes('\n:DOCKER ')) return iptables
  }
  await runCommand('iptables', ['--version'])
  return new Iptables('iptables')
}
