import type { KernelTables, Table } from './iptables.ts'

/**
 * Tables in memory that refuse what the real ones refuse: rules that lead to no chain, chains removed while a rule leads to
 * them, deletion of rules that are not there. All of a transaction or nothing. For tests.
 */
export class MemoryIptables implements KernelTables {
  #tables = new Map<Table, Map<string, string[]>>()
  /** Texts given to `restore`, for tests that count calls. */
  readonly calls: string[] = []
  /** Set to make the next call fail. */
  failNext = false

  /** Makes a table hold exactly what `text` says. */
  load(table: Table, text: string): void {
    this.#tables.set(table, new Map())
    this.#apply(this.#table(table), text.split('\n').filter(Boolean))
  }

  async restore(input: string): Promise<void> {
    this.calls.push(input)
    if (this.failNext) {
      this.failNext = false
      throw new Error('iptables-restore failed, as it was told to')
    }
    const lines = input.split('\n').filter(Boolean)
    const table = lines[0]?.slice(1) as Table
    if (lines.at(-1) !== 'COMMIT') throw new Error('no COMMIT')
    const copy = new Map([...this.#table(table)].map(([chain, rules]) => [chain, [...rules]]))
    this.#apply(copy, lines.slice(1, -1))
    this.#tables.set(table, copy)
  }

  async save(table: Table): Promise<string> {
    const chains = [...this.#table(table)].sort(([a], [b]) => (a < b ? -1 : 1))
    return [
      `*${table}`,
      ...chains.map(([chain]) => `:${chain} - [0:0]`),
      ...chains.flatMap(([chain, rules]) => rules.map(rule => `-A ${chain} ${rule}`)),
      'COMMIT\n',
    ].join('\n')
  }

  async rules(table: Table, chain: string): Promise<string[] | undefined> {
    return this.#table(table)
      .get(chain)
      ?.map(rule => `-A ${chain} ${rule}`)
  }

  #table(table: Table): Map<string, string[]> {
    const found = this.#tables.get(table) ?? new Map<string, string[]>()
    this.#tables.set(table, found)
    return found
  }

  #apply(chains: Map<string, string[]>, lines: readonly string[]): void {
    for (const line of lines) {
      const [verb = '', chain = '', ...rest] = line.split(' ')
      if (verb.startsWith(':')) {
        chains.set(verb.slice(1), [])
        continue
      }
      const rules = chains.get(chain)
      if (!rules) throw new Error(`no chain "${chain}": ${line}`)
      const rule = verb === '-I' ? rest.slice(1).join(' ') : rest.join(' ')
      if (verb === '-A') rules.push(rule)
      else if (verb === '-I') rules.splice(Number(rest[0]) - 1, 0, rule)
      else if (verb === '-X') remove(chains, chain)
      else if (verb === '-D' && rules.includes(rule)) rules.splice(rules.indexOf(rule), 1)
      else throw new Error(`bad rule: ${line}`)
    }
    for (const [chain, rules] of chains) {
      for (const rule of rules) {
        const target = / -j ([A-Z0-9]+-[A-Z0-9-]+)|^-j ([A-Z0-9]+-[A-Z0-9-]+)/.exec(rule)
        const name = target?.[1] ?? target?.[2]
        if (name !== undefined && !chains.has(name)) throw new Error(`no chain "${name}": -A ${chain} ${rule}`)
      }
    }
  }
}

function remove(chains: Map<string, string[]>, chain: string): void {
  if (chains.get(chain)?.length) throw new Error(`chain "${chain}" is not empty`)
  for (const rules of chains.values()) if (rules.some(rule => rule.endsWith(`-j ${chain}`))) throw new Error(`chain "${chain}" is in use`)
  chains.delete(chain)
}
