/** The quotas of this process' writes: each namespace's in turn, each quota as it was last written. */
import { type Clock, type ResourceQuota, resourceQuotaKind } from '@davit/api'
import type { CommitResult, Storage, Stored } from '../../../../storage/types.ts'
import { keyOf, type Resources, targetOf } from '../../resources.ts'
import { storedValue, writtenAs } from '../../written.ts'
import { Turns } from './turns.ts'

/** After losing to another replica: so that two do not go on losing to each other. */
const LOST_PAUSE_MS_MAX = 30

/** A quota as somebody has read or written it. */
export type Known = Pick<Stored, 'key' | 'revision' | 'object'>

/** What registries of one process share: they write to the same etcd. */
export class QuotaLedger {
  readonly #turns: Turns
  readonly #clock: Clock
  /** Our own last writes, until the cache has them. */
  readonly #written = new Map<string, Known>()
  /** Somebody else has written them since. */
  readonly #lost = new Set<string>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#turns = new Turns(clock)
  }

  /** See `Turns.take`. */
  turn(namespace: string, signal?: AbortSignal): Promise<() => void> {
    return this.#turns.take(namespace, signal)
  }

  /** The quota as it is now, as far as this process can know; to be asked during a turn. Undefined when it is gone. */
  async latest(storage: Storage, resources: Resources, quota: ResourceQuota, signal?: AbortSignal): Promise<Known | undefined> {
    const kind = resources.kind('', resourceQuotaKind.plural)
    const key = keyOf(kind, targetOf(quota))
    if (this.#lost.has(key)) {
      await this.#clock.sleep(Math.random() * LOST_PAUSE_MS_MAX, signal)
      const stored = await storage.get(resources.stored(kind), key, signal && { signal })
      this.#lost.delete(key)
      this.#written.delete(key)
      return stored
    }
    const cached = await storage.get(resources.stored(kind), key, { cached: true, ...(signal && { signal }) })
    const written = this.#written.get(key)
    if (!written) return cached
    if (cached && cached.revision < written.revision) return written
    this.#written.delete(key)
    return cached
  }

  /** Takes note of how the commit went that was to make `quota` of what stood at `revision`. */
  settled(key: string, quota: ResourceQuota, revision: number, outcome: CommitResult | undefined): void {
    if (outcome?.committed) {
      this.#written.set(key, writtenAs(key, storedValue(quota), outcome.revision))
      return
    }
    const standsAt = outcome?.revisions.get(key)
    if (!outcome || (standsAt !== undefined && standsAt !== revision)) this.#lost.add(key)
  }
}
