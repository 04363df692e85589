/**
 * etcd's revision by a linearizable read, shared: whoever asks before the read is sent takes part in it, so that any
 * number of fresh reads costs etcd one small range.
 */
import type { Clock } from '@davit/api'
import { abortable } from './abort.ts'
import type { Members } from './members.ts'

/** A key that nobody writes; only the header of the answer counts. */
const KEY = Buffer.from('/davit/revision')
/** Reads on their way at once; whoever asks meanwhile shares the next one. */
const IN_FLIGHT_MAX = 2
/** Long enough for the members to elect another leader. */
const TIMEOUT_MS = 5000

export interface RevisionReading {
  readonly revision: number
  /** When the read was sent (monotonic): everything committed before is at or below `revision`. */
  readonly askedMs: number
}

export class RevisionReader {
  readonly #members: Members
  readonly #clock: Clock
  #next: Promise<RevisionReading> | undefined
  #inFlight = 0
  #landed: (() => void)[] = []

  constructor(members: Members, clock: Clock) {
    this.#members = members
    this.#clock = clock
  }

  /** Throws ApiError 503 when no member answers. */
  read(signal?: AbortSignal): Promise<RevisionReading> {
    this.#next ??= this.#share()
    return abortable(this.#next, signal)
  }

  async #share(): Promise<RevisionReading> {
    await new Promise(setImmediate)
    while (this.#inFlight >= IN_FLIGHT_MAX) await new Promise<void>(resolve => this.#landed.push(resolve))
    this.#inFlight++
    // From here on the read is on its way: who asks now must not share it, as it may miss what they have just written.
    this.#next = undefined
    const askedMs = this.#clock.monotonic()
    try {
      const { header } = await this.#members.read('read the revision', (kv, options) => kv.range({ key: KEY, count_only: true }, options), {
        timeoutMs: TIMEOUT_MS,
      })
      return { revision: Number(header.revision), askedMs }
    } finally {
      this.#inFlight--
      this.#landed.shift()?.()
    }
  }
}
