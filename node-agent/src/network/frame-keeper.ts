import type { FrameChain } from './frame.ts'
import { type KernelTables, TABLES } from './iptables.ts'
import { COMMENT_PREFIX, type NetworkNames } from './names.ts'

/**
 * Puts the frame into the kernel, and again whenever somebody broke it. dockerd puts its own rules in front of ours each time
 * it starts, and an administrator may flush a table: so positions and contents are looked at, not only presence.
 */
export class FrameKeeper {
  readonly #iptables: KernelTables
  readonly #names: NetworkNames
  readonly #chains: readonly FrameChain[]
  /** What the kernel printed after we had written a chain: how it words our rules is its own affair. */
  readonly #printed = new Map<string, string>()

  constructor(iptables: KernelTables, names: NetworkNames, chains: readonly FrameChain[]) {
    this.#iptables = iptables
    this.#names = names
    this.#chains = chains
  }

  /** Looks at everything and mends what differs. Says what it mended, as `table/CHAIN` names, and whether chains of other rooms were lost. */
  async check(): Promise<{ mended: string[]; lost: boolean }> {
    const mended: string[] = []
    let lost = false
    for (const table of TABLES) {
      const lines: string[] = []
      const written: FrameChain[] = []
      for (const chain of this.#chains.filter(chain => chain.table === table)) {
        const rules = await this.#iptables.rules(table, chain.chain)
        if (this.#isRight(chain, rules)) continue
        if (chain.rules === undefined) lost = true
        // Declaring a chain empties it; all of this happens in one step.
        lines.push(`:${chain.chain} - [0:0]`, ...(chain.rules ?? []).map(rule => `-A ${chain.chain} ${rule}`))
        written.push(chain)
        mended.push(`${table}/${chain.chain}`)
      }
      lines.push(...(await this.#hookLines(table, mended)))
      if (lines.length === 0) continue
      await this.#iptables.restore(`*${table}\n${declarationsFirst(lines).join('\n')}\nCOMMIT\n`)
      for (const chain of written) {
        this.#printed.set(`${table}/${chain.chain}`, ((await this.#iptables.rules(table, chain.chain)) ?? []).join('\n'))
      }
    }
    return { mended, lost }
  }

  /** Whether each table's first jump is still in front: where it is not, something was flushed or moved. */
  async isInFront(): Promise<boolean> {
    for (const table of TABLES) {
      const hooked = this.#chains.find(chain => chain.table === table && chain.rules !== undefined && chain.hooks.length > 0)
      const parent = hooked?.hooks[0]?.parent
      if (!hooked || parent === undefined) continue
      const rules = (await this.#iptables.rules(table, parent)) ?? []
      const at = rules.findIndex(rule => rule.endsWith(` -j ${hooked.chain}`))
      if (at === -1 || rules.slice(0, at).some(rule => !rule.includes(COMMENT_PREFIX))) return false
    }
    return true
  }

  #isRight(chain: FrameChain, rules: string[] | undefined): boolean {
    if (rules === undefined) return false
    if (chain.rules === undefined) return true
    return this.#printed.get(`${chain.table}/${chain.chain}`) === rules.join('\n')
  }

  async #hookLines(table: FrameChain['table'], mended: string[]): Promise<string[]> {
    const lines: string[] = []
    const wanted = this.#chains
      .filter(chain => chain.table === table)
      .flatMap(chain => chain.hooks.map(hook => ({ ...hook, chain: chain.chain })))
    for (const parent of new Set(wanted.map(hook => hook.parent))) {
      const rules = (await this.#iptables.rules(table, parent)) ?? []
      const foreign = rules.findIndex(rule => !rule.includes(COMMENT_PREFIX))
      const front = foreign === -1 ? rules : rules.slice(0, foreign)
      for (const hook of wanted.filter(hook => hook.parent === parent)) {
        const isOurs = (rule: string) => rule.endsWith(` -j ${hook.chain}`) && rule.includes(this.#names.comment)
        const present = rules.filter(isOurs)
        if (present.length === 1 && front.some(isOurs)) continue
        for (const rule of present) lines.push(rule.replace(/^-A /, '-D '))
        const match = hook.match ? `${hook.match} ` : ''
        lines.push(`-I ${parent} 1 ${match}-m comment --comment "${this.#names.comment}" -j ${hook.chain}`)
        mended.push(`${table}/${parent}`)
      }
    }
    return lines
  }
}

/** iptables-restore wants every chain declared before a rule that names it. */
function declarationsFirst(lines: readonly string[]): string[] {
  return [...lines.filter(line => line.startsWith(':')), ...lines.filter(line => !line.startsWith(':'))]
}
