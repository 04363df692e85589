import { contains, formatAddress, parseAddress, parseCidr } from '../ip/index.ts'

/** Docker may hand out the last /28 to containers attached by hand; pods get the rest. */
export const RESERVED_SIZE = 16

/** The addresses of one node's pods. A free address rests as long as possible, so that what still points to it goes stale first. */
export class AddressPool {
  readonly gateway: string
  /** Free addresses, least recently used first. */
  readonly #free = new Set<string>()
  readonly #byPod = new Map<string, string>()
  readonly #byAddress = new Map<string, string>()
  readonly #text: string
  readonly #range: { first: number; last: number }

  constructor(podCidr: string) {
    const cidr = parseCidr(podCidr)
    if (cidr.size <= RESERVED_SIZE * 2) throw new Error(`Cannot give pods addresses of "${podCidr}": wanted a range of /26 or larger`)
    this.#text = podCidr
    this.gateway = formatAddress(cidr.base + 1)
    this.#range = { first: cidr.base + 2, last: cidr.base + cidr.size - RESERVED_SIZE - 1 }
    for (let address = this.#range.first; address <= this.#range.last; address++) this.#free.add(formatAddress(address))
  }

  get inUse(): number {
    return this.#byPod.size
  }

  /** The same address when asked again for one pod. Throws when none is free. */
  allocate(podUid: string): string {
    const held = this.#byPod.get(podUid)
    if (held) return held
    const next = this.#free.values().next()
    if (next.done) throw new Error(`Cannot give pod "${podUid}" an address: all ${this.#byPod.size} of ${this.#text} are in use`)
    this.#take(podUid, next.value)
    return next.value
  }

  /** Notes an address found in use. Throws when another pod holds it, or it is not of this node. */
  adopt(podUid: string, address: string): void {
    const holder = this.#byAddress.get(address)
    if (holder === podUid) return
    if (holder !== undefined) throw new Error(`Cannot adopt address "${address}" for pod "${podUid}": pod "${holder}" holds it`)
    if (!contains(parseCidr(this.#text), parseAddress(address))) {
      throw new Error(`Cannot adopt address "${address}" for pod "${podUid}": wanted one of ${this.#text}`)
    }
    this.release(podUid)
    this.#take(podUid, address)
  }

  /** The address that became free; undefined when the pod had none. */
  release(podUid: string): string | undefined {
    const address = this.#byPod.get(podUid)
    if (address === undefined) return undefined
    this.#byPod.delete(podUid)
    this.#byAddress.delete(address)
    const number = parseAddress(address)
    if (number >= this.#range.first && number <= this.#range.last) this.#free.add(address)
    return address
  }

  #take(podUid: string, address: string): void {
    this.#free.delete(address)
    this.#byPod.set(podUid, address)
    this.#byAddress.set(address, podUid)
  }
}
