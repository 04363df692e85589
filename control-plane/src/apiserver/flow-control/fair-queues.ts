/**
 * Queues that share by time, not by count (start-time fair queuing): each carries the virtual time at which its next request may
 * begin, which grows by how long its requests took. The one that is furthest behind is next.
 */

/** What a request is taken to need until it is known. */
const ESTIMATE_MS = 3

export interface Queue<W> {
  readonly waiting: Set<W>
  executing: number
  nextStart: number
}

export class FairQueues<W> {
  /** Those in which somebody waits. */
  readonly #busy = new Set<Queue<W>>()
  #queues: Queue<W>[] = []
  /** When what was begun last could begin. */
  #virtualNow = 0

  get isEmpty(): boolean {
    return this.#busy.size === 0
  }

  /** Who waits in queues that are there no more is served all the same. */
  resize(count: number): void {
    if (count !== this.#queues.length)
      this.#queues = Array.from({ length: count }, () => ({ waiting: new Set(), executing: 0, nextStart: 0 }))
  }

  /** Of these numbers the queue with the least before it. */
  shortest(hand: readonly number[]): Queue<W> | undefined {
    let best: Queue<W> | undefined
    for (const index of hand) {
      const queue = this.#queues[index]
      if (queue && (!best || queue.waiting.size + queue.executing < best.waiting.size + best.executing)) best = queue
    }
    return best
  }

  add(queue: Queue<W>, waiter: W): void {
    this.#catchUp(queue)
    queue.waiting.add(waiter)
    this.#busy.add(queue)
  }

  remove(queue: Queue<W>, waiter: W): void {
    queue.waiting.delete(waiter)
    if (queue.waiting.size === 0) this.#busy.delete(queue)
  }

  /** Who has waited longest in the queue that is furthest behind. */
  next(): W | undefined {
    let first: Queue<W> | undefined
    for (const queue of this.#busy) if (!first || queue.nextStart < first.nextStart) first = queue
    return first?.waiting.values().next().value
  }

  begin(queue: Queue<W>): void {
    this.#catchUp(queue)
    this.#virtualNow = Math.max(this.#virtualNow, queue.nextStart)
    queue.nextStart += ESTIMATE_MS
    queue.executing++
  }

  end(queue: Queue<W>, tookMs: number): void {
    queue.executing--
    queue.nextStart += tookMs - ESTIMATE_MS
  }

  /** A queue that was idle has saved nothing. */
  #catchUp(queue: Queue<W>): void {
    if (queue.executing === 0 && queue.waiting.size === 0) queue.nextStart = Math.max(queue.nextStart, this.#virtualNow)
  }
}
