/** Durations as Go writes them (`1h2m3s`) and ages as kubectl shows them (`5h10m`). */

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
const WHOLE = /^[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/
const PART = /([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)/g

/** Milliseconds of a Go duration such as `1h2m3s`, `300ms` or `0`. Throws RangeError in Go's words. */
export function parseDuration(text: string): number {
  if (text === '0' || text === '+0' || text === '-0') return 0
  if (!WHOLE.test(text)) {
    const missingUnit = /^[+-]?[0-9]*\.?[0-9]+$/.test(text)
    throw new RangeError(`time: ${missingUnit ? 'missing unit in' : 'invalid'} duration ${JSON.stringify(text)}`)
  }
  let total = 0
  for (const [, amount, unit] of text.matchAll(PART)) total += Number(amount) * (UNITS_MS[unit ?? ''] ?? 0)
  return text.startsWith('-') ? -total : total
}

/** A span of `ms` as kubectl shows ages: `45s`, `2m30s`, `5h10m`, `3d4h`, `8d`, `2y300d`. */
export function formatAge(ms: number): string {
  if (!Number.isFinite(ms)) return '<unknown>'
  const seconds = Math.trunc(ms / 1000)
  // Clocks differ a little between machines; one second into the future still counts as now.
  if (seconds < -1) return '<invalid>'
  if (seconds < 0) return '0s'
  if (seconds < 120) return `${seconds}s`
  const minutes = Math.trunc(seconds / 60)
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's')
  if (minutes < 180) return `${minutes}m`
  const hours = Math.trunc(minutes / 60)
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm')
  if (hours < 48) return `${hours}h`
  const days = Math.trunc(hours / 24)
  if (days < 8) return two(days, 'd', hours % 24, 'h')
  if (days < 2 * 365) return `${days}d`
  const years = Math.trunc(days / 365)
  return years < 8 ? two(years, 'y', days % 365, 'd') : `${years}y`
}

/** The age at `now` (ms since the epoch) of something that began at `since`, `<unknown>` when that is not known. */
export function ageSince(since: string | undefined, now: number): string {
  return since === undefined ? '<unknown>' : formatAge(now - Date.parse(since))
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`
}
