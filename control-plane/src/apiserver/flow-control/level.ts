/** One priority level: the seats it has, and who waits for one. */
import { apiError, type Clock, type PriorityLevelConfiguration } from '@davit/api'
import { FairQueues, type Queue } from './fair-queues.ts'
import type { SeatBounds, SeatPool, SeatUser } from './seats.ts'
import { ShuffleSharding } from './shuffle-sharding.ts'
import type { Rejection, Seat, Wait } from './types.ts'

const NO_SEATS: SeatBounds = { nominal: 0, kept: 0, max: 0 }
const RETRY_AFTER_SECONDS = 1

/** What a schema counts of its requests. */
export interface SchemaCounters {
  readonly name: string
  waiting: number
  executing: number
  dispatched: number
  readonly rejected: Partial<Record<Rejection, number>>
}

export interface LevelOptions {
  readonly name: string
  readonly pool: SeatPool
  readonly clock: Pick<Clock, 'monotonic'>
  readonly salt: string
  /** A seat is free: whoever waits, of any level, may have it. */
  readonly onFree: () => void
  readonly onWait: (schema: string, seconds: number, served: boolean) => void
}

interface Waiter {
  readonly queue: Queue<Waiter>
  readonly counters: SchemaCounters
  readonly serve: () => void
}

export class Level implements SeatUser {
  uid = ''
  bounds = NO_SEATS
  inUse = 0
  readonly #options: LevelOptions
  readonly #queues = new FairQueues<Waiter>()
  #isExempt = false
  #sharding: ShuffleSharding | undefined
  #dealt = ''
  #lengthMax = 0

  constructor(options: LevelOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  get isIdle(): boolean {
    return this.inUse === 0 && !this.hasWaiting
  }

  get hasWaiting(): boolean {
    return !this.#queues.isEmpty
  }

  configure({ metadata: { uid = '' }, spec }: PriorityLevelConfiguration, bounds = NO_SEATS): void {
    this.uid = uid
    this.bounds = bounds
    this.#isExempt = spec?.type === 'Exempt'
    const { queues = 0, handSize = 0, queueLengthLimit = 0 } = spec?.limited?.limitResponse?.queuing ?? {}
    this.#lengthMax = queueLengthLimit
    const dealt = `${queues}/${handSize}`
    if (dealt === this.#dealt) return
    this.#dealt = dealt
    this.#queues.resize(queues)
    this.#sharding = queues > 0 ? new ShuffleSharding({ queues, handSize, salt: this.#options.salt }) : undefined
  }

  /** It is gone: what it has begun goes on, what waits takes what others leave. */
  retire(): void {
    this.bounds = { nominal: 0, kept: 0, max: Math.max(1, this.bounds.nominal) }
  }

  /** Throws ApiError TooManyRequests. */
  enter(flow: string, counters: SchemaCounters, waitMsMax: number): Seat | Wait {
    if (this.#isExempt) return this.#sit(counters, undefined)
    const queue = this.#sharding && this.#queues.shortest(this.#sharding.handOf(flow))
    if (this.#queues.isEmpty && this.#options.pool.mayTake(this)) return this.#sit(counters, queue)
    if (!queue) throw tooMany(counters, 'concurrency-limit')
    if (queue.waiting.size >= this.#lengthMax) throw tooMany(counters, 'queue-full')
    return this.#wait(queue, counters, waitMsMax)
  }

  /** Serves the next that waits; false when nobody waits or there is no seat. */
  serveNext(): boolean {
    const next = this.#queues.next()
    if (!next || !this.#options.pool.mayTake(this)) return false
    next.serve()
    return true
  }

  #sit(counters: SchemaCounters, queue: Queue<Waiter> | undefined): Seat {
    const { pool, clock, onFree } = this.#options
    if (!this.#isExempt) pool.take(this)
    const isCounted = !this.#isExempt
    const beganAt = clock.monotonic()
    this.inUse++
    counters.executing++
    counters.dispatched++
    if (queue) this.#queues.begin(queue)
    let isTaken = true
    return {
      release: () => {
        if (!isTaken) return
        isTaken = false
        this.inUse--
        counters.executing--
        if (queue) this.#queues.end(queue, clock.monotonic() - beganAt)
        if (!isCounted) return
        pool.giveBack(this)
        onFree()
      },
    }
  }

  #wait(queue: Queue<Waiter>, counters: SchemaCounters, waitMsMax: number): Wait {
    const { clock, onWait } = this.#options
    const since = clock.monotonic()
    let leave: (why: Rejection) => void = () => {}
    const seat = new Promise<Seat>((resolve, reject) => {
      const timer = setTimeout(() => leave('time-out'), waitMsMax).unref()
      const out = (served: boolean) => {
        clearTimeout(timer)
        leave = () => {}
        counters.waiting--
        this.#queues.remove(queue, waiter)
        onWait(counters.name, (clock.monotonic() - since) / 1000, served)
      }
      leave = why => {
        out(false)
        reject(tooMany(counters, why))
      }
      const serve = () => {
        out(true)
        resolve(this.#sit(counters, queue))
      }
      const waiter: Waiter = { queue, counters, serve }
      counters.waiting++
      this.#queues.add(queue, waiter)
    })
    return { seat, cancel: () => leave('cancelled') }
  }
}

function tooMany({ rejected }: SchemaCounters, why: Rejection): Error {
  rejected[why] = (rejected[why] ?? 0) + 1
  return apiError('TooManyRequests', 'Too many requests, please try again later.', { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
