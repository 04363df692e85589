/** Follows a new connection through rendered rules, every way that chance allows. For tests. */
import { contains, parseAddress, parseCidr } from '../ip/index.ts'
import type { ChainKey } from './iptables-rules.ts'

export interface Connection {
  readonly source: string
  readonly destination: string
  readonly port: number
  readonly protocol: 'tcp' | 'udp'
  /** Addresses of this node. */
  readonly ownAddresses: readonly string[]
}

export interface Outcome {
  /** `address:port`, or why it goes nowhere. */
  readonly to: string
  readonly masqueraded: boolean
}

type Chains = ReadonlyMap<ChainKey, readonly string[]>

/** All outcomes with more than no chance. Affinity counts as not yet known. */
export function outcomes(chains: Chains, prefix: string, connection: Connection): Outcome[] {
  const found = new Map<string, Outcome>()
  for (const { target, marked } of walk(chains, `nat/${prefix}SERVICES`, connection, false)) {
    const outcome = { to: target ?? refusal(chains, prefix, connection), masqueraded: marked }
    found.set(JSON.stringify(outcome), outcome)
  }
  return [...found.values()].sort((a, b) => (a.to < b.to ? -1 : 1))
}

function refusal(chains: Chains, prefix: string, connection: Connection): string {
  const [first] = walk(chains, `filter/${prefix}FILTER`, connection, false)
  return first?.target ?? 'untouched'
}

interface Way {
  readonly target: string | undefined
  readonly marked: boolean
}

function walk(chains: Chains, chain: ChainKey, connection: Connection, marked: boolean): Way[] {
  const rules = chains.get(chain)
  if (!rules) throw new Error(`No chain "${chain}"`)
  let open = [marked]
  const ways: Way[] = []
  for (const rule of rules) {
    const [, match = '', verdict = '', rest = ''] = /^(.*?)\s*-j (\S+)\s*(.*)$/.exec(rule) ?? []
    const chance = matches(match, connection)
    if (chance === 0 || open.length === 0) continue
    const skipped = chance < 1 ? open : []
    if (verdict === 'MARK') open = [true]
    else if (verdict === 'DNAT') {
      ways.push(...open.map(marked => ({ target: rest.replace('--to-destination ', ''), marked })))
      open = skipped
    } else if (verdict === 'REJECT' || verdict === 'DROP') {
      ways.push(...open.map(marked => ({ target: verdict.toLowerCase(), marked })))
      open = skipped
    } else {
      const table = chain.slice(0, chain.indexOf('/')) as 'nat' | 'filter'
      const inside = open.flatMap(marked => walk(chains, `${table}/${verdict}`, connection, marked))
      ways.push(...inside.filter(({ target }) => target !== undefined))
      open = [...new Set([...inside.filter(({ target }) => target === undefined).map(({ marked }) => marked), ...skipped])]
    }
  }
  return [...ways, ...open.map(marked => ({ target: undefined, marked }))]
}

/** The chance that a rule's conditions hold: 0, 1, or something between. Throws on conditions it does not know. */
function matches(match: string, { source, destination, port, protocol, ownAddresses }: Connection): number {
  const words = match.split(' ').filter(Boolean)
  let chance = 1
  let negated = false
  const isOwn = (address: string) => ownAddresses.includes(address)
  const hold = (condition: boolean) => {
    if (condition === negated) chance = 0
    negated = false
  }
  for (let at = 0; at < words.length; at++) {
    const word = words[at]
    const value = words[at + 1] ?? ''
    if (word === '!') negated = true
    else if (word === '-d') hold(inRange(destination, value))
    else if (word === '-s') hold(inRange(source, value))
    else if (word === '-p') hold(protocol === value)
    else if (word === '--dport') hold(port === Number(value))
    else if (word === '--dst-type') hold(isOwn(destination))
    else if (word === '--src-type') hold(isOwn(source))
    else if (word === '--probability') chance *= Number(value)
    else if (word === '--update') {
      chance = 0
      continue
    } else if (!/^(-m|--mode|--seconds|--name|--mask)$/.test(word ?? '')) {
      if (/^(--reap|--rsource|--set)$/.test(word ?? '')) continue
      throw new Error(`Cannot follow "${word}" of "${match}"`)
    }
    if (word !== '!') at++
  }
  return chance
}

function inRange(address: string, range: string): boolean {
  return contains(parseCidr(range.includes('/') ? range : `${range}/32`), parseAddress(address))
}
