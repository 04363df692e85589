/** An iteration that begins when it is first asked for something: what is wrong with it shows there, and until then it costs nothing. */
export function lazily<T>(open: () => AsyncIterator<T, void> | Promise<AsyncIterator<T, void>>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => new Lazy(open) }
}

/** By hand, and not a generator: once open it adds nothing to what it stands for, however often that passes through such hands. */
class Lazy<T> implements AsyncIterator<T, void> {
  readonly #open: () => AsyncIterator<T, void> | Promise<AsyncIterator<T, void>>
  #inner: AsyncIterator<T, void> | undefined
  #isOver = false

  constructor(open: () => AsyncIterator<T, void> | Promise<AsyncIterator<T, void>>) {
    this.#open = open
  }

  next(): Promise<IteratorResult<T, void>> {
    return this.#inner ? this.#inner.next() : this.#first()
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.#isOver = true
    return (await this.#inner?.return?.()) ?? OVER
  }

  async #first(): Promise<IteratorResult<T, void>> {
    if (this.#isOver) return OVER
    try {
      this.#inner = await this.#open()
    } catch (error) {
      this.#isOver = true
      throw error
    }
    // Ended while it was being opened.
    if (this.#isOver) return (await this.#inner.return?.()) ?? OVER
    return this.#inner.next()
  }
}

const OVER = { done: true, value: undefined } as const
