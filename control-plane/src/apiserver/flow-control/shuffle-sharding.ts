/**
 * Deals each flow a hand of queues, always the same. A flow that fills its queues leaves nearly every other one with a queue of
 * its own.
 */
import { createHash } from 'node:crypto'

/** Enough for all flows that are busy at once; beyond, hands are dealt anew. */
const HANDS_MAX = 4096
const WORD_BYTES = 4

export class ShuffleSharding {
  readonly #queues: number
  readonly #handSize: number
  readonly #salt: string
  readonly #hands = new Map<string, readonly number[]>()

  /** `salt`: nobody may look for a name that shares its queues with another's. */
  constructor({ queues, handSize, salt }: { queues: number; handSize: number; salt: string }) {
    this.#queues = queues
    this.#handSize = handSize
    this.#salt = salt
  }

  /** Different numbers from 0 to below `queues`. */
  handOf(flow: string): readonly number[] {
    const known = this.#hands.get(flow)
    if (known) return known
    const hand = this.#deal(flow)
    if (this.#hands.size >= HANDS_MAX) this.#hands.clear()
    this.#hands.set(flow, hand)
    return hand
  }

  #deal(flow: string): number[] {
    const hand: number[] = []
    let hash = createHash('sha256').update(this.#salt).update(flow).digest()
    for (let at = 0; hand.length < this.#handSize; at += WORD_BYTES) {
      if (at + WORD_BYTES > hash.length) {
        hash = createHash('sha256').update(hash).digest()
        at = 0
      }
      // Counted among what is left, so each hand is as likely as any other.
      let card = hash.readUInt32LE(at) % (this.#queues - hand.length)
      for (const dealt of hand.toSorted((a, b) => a - b)) if (dealt <= card) card++
      hand.push(card)
    }
    return hand
  }
}
