const PARTS = /\d+|\D+/g

/** Text order in which runs of digits count as numbers, so that `key2` comes before `key10`. */
export function naturalCompare(one: string, other: string): number {
  const left = one.match(PARTS) ?? []
  const right = other.match(PARTS) ?? []
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const a = left[at]!
    const b = right[at]!
    if (a === b) continue
    const isNumeric = /^\d/.test(a) && /^\d/.test(b)
    if (isNumeric && Number(a) !== Number(b)) return Number(a) - Number(b)
    return a < b ? -1 : 1
  }
  return left.length - right.length
}
