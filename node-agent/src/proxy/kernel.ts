import type { KernelTables } from '../network/index.ts'
import type { ChainKey } from './iptables-rules.ts'
import type { Ruleset } from './ruleset.ts'

/** A chain and what to write into it; no rules: the chain goes. */
interface Write {
  readonly chain: string
  readonly rules: readonly string[] | undefined
}

type TableName = 'nat' | 'filter'
const TABLE_NAMES: readonly TableName[] = ['nat', 'filter']

/** So many chains go into one call when much changes at once: one call holds the lock, and Docker wants it too. */
const CHAINS_A_CALL = 1_000

/**
 * Brings the ruleset into the kernel: by what changed, or, in full, by comparing with what is there. Calls must not overlap.
 * After a call that failed, only a full one is sure to put things right.
 */
export class KernelRules {
  readonly #iptables: KernelTables
  readonly #ruleset: Ruleset
  readonly #chainPrefix: string
  /** What was last written, as one text a chain. */
  #written = new Map<ChainKey, string>()
  /** How the kernel words a text of ours, where it differs. */
  readonly #wording = new Map<string, string>()

  constructor(iptables: KernelTables, ruleset: Ruleset, chainPrefix: string) {
    this.#iptables = iptables
    this.#ruleset = ruleset
    this.#chainPrefix = chainPrefix
  }

  /** Writes the chains that changed since the last call. Gives those written. */
  async applyChanges(): Promise<ChainKey[]> {
    const writes = new Map<ChainKey, Write>()
    for (const key of this.#ruleset.takeTouched()) {
      const rules = this.#ruleset.rules(key)
      if (this.#written.get(key) === rules?.join('\n')) continue
      writes.set(key, { chain: key.slice(key.indexOf('/') + 1), rules })
    }
    await this.#write(writes)
    return [...writes.keys()]
  }

  /** Compares all with what the kernel has and mends what differs: what somebody else did, and what an earlier run left. Gives the chains written. */
  async applyAll(): Promise<ChainKey[]> {
    this.#ruleset.takeTouched()
    const present = await this.#read()
    const wanted = new Set(this.#ruleset.chains())
    const writes = new Map<ChainKey, Write>()
    for (const key of wanted) {
      const rules = this.#ruleset.rules(key) ?? []
      const text = rules.join('\n')
      const there = present.get(key)
      if (there !== undefined && (there === text || there === this.#wording.get(text))) this.#written.set(key, text)
      else writes.set(key, { chain: key.slice(key.indexOf('/') + 1), rules })
    }
    for (const key of present.keys()) {
      if (!wanted.has(key) && this.#isServiceChain(key)) writes.set(key, { chain: key.slice(key.indexOf('/') + 1), rules: undefined })
    }
    if (writes.size === 0) return []
    await this.#write(writes)

    const after = await this.#read()
    for (const [key, { rules }] of writes) {
      const text = rules?.join('\n')
      const there = after.get(key)
      if (text !== undefined && there !== undefined && there !== text) this.#wording.set(text, there)
    }
    return [...writes.keys()]
  }

  /** Chains that lead come after those they lead to; what nothing leads to any more goes last. */
  async #write(writes: ReadonlyMap<ChainKey, Write>): Promise<void> {
    for (const table of TABLE_NAMES) {
      const ofTable = [...writes].filter(([key]) => key.startsWith(`${table}/`))
      const rank = ([, { chain, rules }]: [ChainKey, Write]) => (rules === undefined ? 9 : this.#rank(chain))
      ofTable.sort((a, b) => rank(a) - rank(b))
      for (let at = 0; at < ofTable.length; at += CHAINS_A_CALL) {
        const part = ofTable.slice(at, at + CHAINS_A_CALL)
        for (const [key] of part) this.#written.delete(key)
        await this.#iptables.restore(
          transaction(
            table,
            part.map(([, write]) => write),
          ),
        )
        for (const [key, { rules }] of part) if (rules) this.#written.set(key, rules.join('\n'))
      }
    }
  }

  #rank(chain: string): number {
    const kind = chain.slice(this.#chainPrefix.length)
    const order = ['S-', 'L-', 'E-', 'W-', 'D-', 'R-', 'NODEPORTS', 'HOSTPORTS', 'REFUSED-PORTS']
    const at = order.findIndex(prefix => kind.startsWith(prefix))
    return at === -1 ? order.length : at
  }

  #isServiceChain(key: ChainKey): boolean {
    return /^[SLEWDR]-/.test(key.slice(key.indexOf('/') + 1 + this.#chainPrefix.length))
  }

  async #read(): Promise<Map<ChainKey, string>> {
    const chains = new Map<ChainKey, string[]>()
    for (const table of TABLE_NAMES) {
      for (const line of (await this.#iptables.save(table)).split('\n')) {
        if (line.startsWith(`:${this.#chainPrefix}`)) chains.set(`${table}/${line.slice(1, line.indexOf(' '))}`, [])
        if (!line.startsWith(`-A ${this.#chainPrefix}`)) continue
        const end = line.indexOf(' ', 3)
        chains.get(`${table}/${line.slice(3, end)}`)?.push(line.slice(end + 1))
      }
    }
    return new Map([...chains].map(([key, rules]) => [key, rules.join('\n')]))
  }
}

/** One step for the kernel. Declaring a chain empties it, which is what has to happen before it is filled or removed. */
function transaction(table: TableName, writes: readonly Write[]): string {
  return [
    `*${table}`,
    ...writes.map(({ chain }) => `:${chain} - [0:0]`),
    ...writes.flatMap(({ chain, rules }) => (rules ?? []).map(rule => `-A ${chain} ${rule}`)),
    ...writes.filter(({ rules }) => rules === undefined).map(({ chain }) => `-X ${chain}`),
    'COMMIT\n',
  ].join('\n')
}
