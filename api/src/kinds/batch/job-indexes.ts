/** Sets of indexes as text, such as `0,2-4`: of success policies, and of what an Indexed Job has done. */

/** From the first to the last, both included. */
type Interval = readonly [first: number, last: number]

/** How many indexes `text` names. Throws RangeError in Kubernetes' words when it is not one rising list below `completions`. */
export function countIndexes(text: string, completions: number): number {
  return intervalsOf(text, completions).reduce((sum, [first, last]) => sum + last - first + 1, 0)
}

/** The first index that both name; undefined when there is none, or one of them cannot be read. */
export function commonIndex(one: string, other: string, completions: number): number | undefined {
  try {
    const others = intervalsOf(other, completions)
    let next = 0
    for (const [first, last] of intervalsOf(one, completions)) {
      while ((others[next]?.[1] ?? Number.POSITIVE_INFINITY) < first) next++
      const found = others[next]
      if (found && found[0] <= last) return Math.max(first, found[0])
    }
    return undefined
  } catch (err) {
    if (err instanceof RangeError) return undefined
    throw err
  }
}

function intervalsOf(text: string, completions: number): Interval[] {
  if (text === '') return []
  const intervals: Interval[] = []
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions)
    const before = intervals.at(-1)
    if (before && before[1] >= interval[0]) throw new RangeError(`non-increasing order, previous: ${before[1]}, current: ${interval[0]}`)
    intervals.push(interval)
  }
  return intervals
}

function parseInterval(text: string, completions: number): Interval {
  const limits = text.split('-')
  if (limits.length > 2) {
    const why = "violates the requirement that an index interval can have at most two parts separated by '-'"
    throw new RangeError(`the fragment ${JSON.stringify(text)} ${why}`)
  }
  const [first = 0, last] = limits.map(limit => parseIndex(limit, completions))
  if (last === undefined) return [first, first]
  if (first >= last) throw new RangeError(`non-increasing order, previous: ${first}, current: ${last}`)
  return [first, last]
}

function parseIndex(text: string, completions: number): number {
  if (!/^\+?[0-9]{1,18}$/.test(text)) throw new RangeError(`cannot convert string to integer for index: ${JSON.stringify(text)}`)
  const index = Number(text)
  if (index >= completions) throw new RangeError(`too large index: ${JSON.stringify(text)}`)
  return index
}
