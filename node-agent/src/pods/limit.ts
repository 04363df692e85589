export interface Limit {
  <R>(work: () => Promise<R>): Promise<R>
  /** True while anything runs. */
  readonly isBusy: boolean
}

/** Runs at most `width` of the given works at once, the others in the order they came. */
export function createLimit(width: number): Limit {
  const waiting: (() => void)[] = []
  let free = width
  const limit = async <R>(work: () => Promise<R>): Promise<R> => {
    if (free > 0) free--
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
  return Object.defineProperty(limit, 'isBusy', { get: () => free < width }) as Limit
}
