import { type HostPort, renderHostPorts } from './host-ports.ts'
import { type ChainKey, type RenderContext, type RenderedPort, renderHairpin, renderPort, renderRoots } from './iptables-rules.ts'
import type { ServicePort } from './rules.ts'

interface Contribution {
  readonly ports: readonly RenderedPort[]
  readonly localAddresses: readonly string[]
}

/**
 * All chains there should be, kept up Service by Service, so that one change costs what it touches and not what there is.
 * Chains that several Services write into hold their rules in the order of the Services' keys.
 */
export class Ruleset {
  readonly #context: RenderContext
  readonly #byService = new Map<string, Contribution>()
  /** Shared chain → keys of the Services that have rules in it. */
  readonly #sharers = new Map<ChainKey, Set<string>>()
  /** Chain of one Service → its rules. */
  readonly #own = new Map<ChainKey, readonly string[]>()
  /** Address → how many Services have an endpoint of this node there. */
  readonly #localAddresses = new Map<string, number>()
  readonly #always: ReadonlySet<ChainKey>
  readonly #hairpin: ChainKey
  readonly #hostPortChain: ChainKey
  #hostPorts: readonly HostPort[] = []
  #roots: Map<ChainKey, string[]> | undefined
  /** Chains that may have changed since they were last taken. */
  readonly #touched = new Set<ChainKey>()

  constructor(context: RenderContext) {
    this.#context = context
    const { chainPrefix } = context
    this.#hairpin = `nat/${chainPrefix}HAIRPIN`
    this.#hostPortChain = `nat/${chainPrefix}HOSTPORTS`
    // Others jump to these whether or not there is a rule in them.
    this.#always = new Set<ChainKey>([
      `nat/${chainPrefix}NODEPORTS`,
      `filter/${chainPrefix}REFUSED-PORTS`,
      this.#hairpin,
      this.#hostPortChain,
    ])
    this.#touchRoots()
    for (const key of this.#always) this.#touched.add(key)
  }

  /** Puts a Service's rules in place of those it had; none at all when it is gone. */
  set(serviceKey: string, ports: readonly ServicePort[], localAddresses: readonly string[]): void {
    this.#remove(serviceKey)
    if (ports.length === 0 && localAddresses.length === 0) return
    const rendered = ports.map(port => renderPort(port, this.#context))
    this.#byService.set(serviceKey, { ports: rendered, localAddresses })
    for (const { own, shared } of rendered) {
      for (const [chain, rules] of own) {
        this.#own.set(chain, rules)
        this.#touched.add(chain)
      }
      for (const chain of shared.keys()) this.#join(chain, serviceKey)
    }
    for (const address of localAddresses) this.#count(address, 1)
  }

  /** All host ports of this node's pods. */
  setHostPorts(ports: readonly HostPort[]): void {
    for (const { podAddress } of this.#hostPorts) this.#count(podAddress, -1)
    for (const { podAddress } of ports) this.#count(podAddress, 1)
    this.#hostPorts = ports
    this.#touched.add(this.#hostPortChain)
  }

  /** What a chain should hold; undefined when there should be none. */
  rules(chain: ChainKey): readonly string[] | undefined {
    if (chain === this.#hairpin) return renderHairpin(this.#localAddresses.keys())
    if (chain === this.#hostPortChain) return renderHostPorts(this.#hostPorts)
    const own = this.#own.get(chain)
    if (own) return own
    const sharers = this.#sharers.get(chain)
    if (!sharers) return this.#rootRules().get(chain) ?? (this.#always.has(chain) ? [] : undefined)
    const rules = [...sharers].sort().flatMap(key => this.#byService.get(key)?.ports.flatMap(port => port.shared.get(chain) ?? []) ?? [])
    return [...new Set(rules)]
  }

  /** Every chain there should be. */
  chains(): ChainKey[] {
    return [...new Set([...this.#own.keys(), ...this.#sharers.keys(), ...this.#always, ...this.#rootRules().keys()])]
  }

  /** Chains that may have changed since the last call. */
  takeTouched(): ChainKey[] {
    const touched = [...this.#touched]
    this.#touched.clear()
    return touched
  }

  #remove(serviceKey: string): void {
    const old = this.#byService.get(serviceKey)
    if (!old) return
    this.#byService.delete(serviceKey)
    for (const { own, shared } of old.ports) {
      for (const chain of own.keys()) {
        this.#own.delete(chain)
        this.#touched.add(chain)
      }
      for (const chain of shared.keys()) this.#leave(chain, serviceKey)
    }
    for (const address of old.localAddresses) this.#count(address, -1)
  }

  #join(chain: ChainKey, serviceKey: string): void {
    this.#touched.add(chain)
    const sharers = this.#sharers.get(chain)
    if (sharers) return void sharers.add(serviceKey)
    this.#sharers.set(chain, new Set([serviceKey]))
    this.#touchRoots()
  }

  #leave(chain: ChainKey, serviceKey: string): void {
    this.#touched.add(chain)
    const sharers = this.#sharers.get(chain)
    sharers?.delete(serviceKey)
    if (sharers?.size !== 0) return
    this.#sharers.delete(chain)
    this.#touchRoots()
  }

  #count(address: string, by: number): void {
    const count = (this.#localAddresses.get(address) ?? 0) + by
    if (count === 0) this.#localAddresses.delete(address)
    else this.#localAddresses.set(address, count)
    this.#touched.add(this.#hairpin)
  }

  #touchRoots(): void {
    this.#roots = undefined
    for (const chain of this.#rootRules().keys()) this.#touched.add(chain)
  }

  #rootRules(): Map<ChainKey, string[]> {
    this.#roots ??= renderRoots(this.#sharers.keys(), this.#context)
    return this.#roots
  }
}
