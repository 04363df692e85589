/**
 * Values of which each may be in use once: service addresses, node ports, pod address ranges. What is taken is an etcd key, made
 * in the same transaction as the object that uses it and removed with it, so two replicas can never give out one value twice and
 * none is ever lost. What this process remembers of them is only a hint where to look.
 */
import type { Clock } from '@davit/api'
import type { Operation, Storage } from '../../../storage/types.ts'

/** Who holds a value; the etcd value, as JSON. */
export interface Owner {
  uid: string
  kind: string
  namespace?: string
  name: string
}

export interface PoolOptions {
  storage: Storage
  clock: Clock
  /** `/davit/allocations/serviceips/`: ends in a slash; the rest of the key is the value. */
  prefix: string
  /** How many values there are. */
  size: number
  /** The value at an index, lowest first. */
  valueAt: (index: number) => string
  /** Indexes given out only when asked for by name. */
  reserved?: ReadonlySet<number>
}

/** A remembered list of what is taken is read again from etcd when older than this: others give values back, too. */
const HINT_AGE_MS = 15_000

export class Pool {
  readonly #options: PoolOptions
  #taken = new Set<string>()
  /** Part of a commit under way. */
  readonly #reserved = new Set<string>()
  /** Every index below is taken. */
  #lowest = 0
  #readAt = Number.NEGATIVE_INFINITY

  constructor(options: PoolOptions) {
    this.#options = options
  }

  keyOf(value: string): string {
    return this.#options.prefix + value
  }

  /** The lowest free value, kept for the caller until `settle`; undefined when all are taken. */
  async reserve(signal?: AbortSignal): Promise<string | undefined> {
    await this.#refresh(HINT_AGE_MS, signal)
    const value = this.#lowestFree()
    if (value !== undefined) return value
    await this.#refresh(0, signal)
    return this.#lowestFree()
  }

  /** Whether `value` is one of those that are given out. */
  has(value: string): boolean {
    const { size, valueAt } = this.#options
    for (let index = 0; index < size; index++) if (valueAt(index) === value) return true
    return false
  }

  /** Who holds `value`, from etcd. */
  async ownerOf(value: string, signal?: AbortSignal): Promise<Owner | undefined> {
    const held = await this.#options.storage.read(this.keyOf(value), signal)
    return held && (JSON.parse(held.value) as Owner)
  }

  /** Takes `value`; the commit fails when somebody holds it. */
  take(value: string, owner: Owner): Operation {
    this.#reserved.add(value)
    return { type: 'create', key: this.keyOf(value), value: JSON.stringify(owner) }
  }

  /** Gives `value` back; undefined when `uid` does not hold it. */
  async giveBack(value: string, uid: string, signal?: AbortSignal): Promise<Operation | undefined> {
    const held = await this.#options.storage.read(this.keyOf(value), signal)
    if (!held || (JSON.parse(held.value) as Owner).uid !== uid) return undefined
    return { type: 'delete', key: this.keyOf(value), revision: held.revision }
  }

  /** Ends a reservation: `value` turned out to be taken, or free. */
  settle(value: string, isTaken: boolean): void {
    this.#reserved.delete(value)
    if (isTaken) this.#taken.add(value)
    else this.#taken.delete(value)
    if (!isTaken) this.#lowest = 0
  }

  #lowestFree(): string | undefined {
    const { size, valueAt, reserved } = this.#options
    for (let index = this.#lowest; index < size; index++) {
      const value = valueAt(index)
      if (this.#taken.has(value) || this.#reserved.has(value) || reserved?.has(index)) continue
      this.#reserved.add(value)
      this.#lowest = index + 1
      return value
    }
    return undefined
  }

  async #refresh(ageMs: number, signal?: AbortSignal): Promise<void> {
    const { storage, prefix, clock } = this.#options
    const now = clock.monotonic()
    if (now - this.#readAt < ageMs) return
    const held = await storage.readPrefix(prefix, signal)
    this.#readAt = now
    this.#taken = new Set(held.map(({ key }) => key.slice(prefix.length)))
    this.#lowest = 0
  }
}
