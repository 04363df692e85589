/** Keys in etcd's order, so that a page from the cache is the page etcd would give. */
export class SortedKeys {
  #keys: string[] = []

  get size(): number {
    return this.#keys.length
  }

  add(key: string): void {
    const at = this.#lowerBound(key)
    if (this.#keys[at] === key) return
    if (at === this.#keys.length) this.#keys.push(key)
    else this.#keys.splice(at, 0, key)
  }

  delete(key: string): void {
    const at = this.#lowerBound(key)
    if (this.#keys[at] === key) this.#keys.splice(at, 1)
  }

  /** Those that begin with `prefix`. */
  startingWith(prefix: string): string[] {
    const start = this.#lowerBound(prefix)
    return this.#keys.slice(start, this.#lowerBound(`${prefix}\uffff`))
  }

  #lowerBound(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#keys[middle] as string) < key) low = middle + 1
      else high = middle
    }
    return low
  }
}
