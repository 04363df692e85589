/** How many requests each level may have served at once. */
import type { PriorityLevelConfiguration } from '@davit/api'

/** Of one level. */
export interface SeatBounds {
  /** Its share of all. */
  readonly nominal: number
  /** What others never borrow of it. */
  readonly kept: number
  /** With all that it may borrow. */
  readonly max: number
}

/** Divides `total` by shares, rounded up as Kubernetes does; the levels without limit have none. */
export function divideSeats(total: number, levels: readonly PriorityLevelConfiguration[]): Map<string, SeatBounds> {
  const limited = levels.flatMap(({ metadata: { name = '' }, spec }) => (spec?.limited ? [{ name, limited: spec.limited }] : []))
  const shares = limited.reduce((sum, { limited: { nominalConcurrencyShares = 0 } }) => sum + nominalConcurrencyShares, 0)
  return new Map(
    limited.map(({ name, limited: { nominalConcurrencyShares = 0, lendablePercent = 0, borrowingLimitPercent } }) => {
      const nominal = shares === 0 ? 0 : Math.ceil((total * nominalConcurrencyShares) / shares)
      const kept = nominal - Math.round((nominal * lendablePercent) / 100)
      const borrowed = borrowingLimitPercent === undefined ? Number.POSITIVE_INFINITY : Math.round((nominal * borrowingLimitPercent) / 100)
      return [name, { nominal, kept, max: nominal + borrowed }]
    }),
  )
}

/** Whose seats a pool counts. */
export interface SeatUser {
  readonly bounds: SeatBounds
  readonly inUse: number
}

/**
 * All seats. A level may always have what it keeps; beyond that it takes what is free and kept by nobody, so that it borrows while
 * others are idle, and gets its own back as soon as requests end.
 */
export class SeatPool {
  #free = 0
  /** Seats that are kept and not in use. */
  #reserved = 0

  /** Counts anew. */
  configure(users: Iterable<SeatUser>): void {
    this.#free = 0
    this.#reserved = 0
    for (const { bounds, inUse } of users) {
      this.#free += bounds.nominal - inUse
      this.#reserved += Math.max(0, bounds.kept - inUse)
    }
  }

  mayTake({ bounds, inUse }: SeatUser): boolean {
    return inUse < bounds.kept || (inUse < bounds.max && this.#free > this.#reserved)
  }

  /** Called before the user counts it. */
  take({ bounds, inUse }: SeatUser): void {
    this.#free--
    if (inUse < bounds.kept) this.#reserved--
  }

  /** Called after the user counts it out. */
  giveBack({ bounds, inUse }: SeatUser): void {
    this.#free++
    if (inUse < bounds.kept) this.#reserved++
  }
}
