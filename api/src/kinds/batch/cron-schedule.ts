/** Schedules of CronJobs: five fields, `@daily` and its like, or `@every 1h30m`. Refusals are in Kubernetes' words. */
import { Cron } from 'croner'
import { parseDuration } from '../../duration.ts'

const DESCRIPTORS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'])
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

interface Field {
  readonly min: number
  readonly max: number
  /** Names of values, the first that of `min`. */
  readonly names?: readonly string[]
}

/** Minute, hour, day of the month, month, day of the week. Sunday is 0 only. */
const FIELDS: readonly Field[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 6, names: DAYS },
]

/** Why `schedule` is none; undefined when it is one. A time zone in front of it is not looked at. */
export function scheduleError(schedule: string): string | undefined {
  try {
    checkSchedule(schedule.replace(/^(?:CRON_)?TZ=\S*\s+/, ''))
    return undefined
  } catch (err) {
    return err instanceof Error ? err.message : String(err)
  }
}

function checkSchedule(text: string): void {
  if (text.startsWith('@every ')) {
    try {
      parseDuration(text.slice('@every '.length))
    } catch (cause) {
      throw new RangeError(`failed to parse duration ${text}: ${(cause as Error).message}`, { cause })
    }
    return
  }
  if (text.startsWith('@')) {
    if (!DESCRIPTORS.has(text)) throw new RangeError(`unrecognized descriptor: ${text}`)
    return
  }
  const parts = text.split(/\s+/).filter(Boolean)
  if (parts.length !== FIELDS.length) {
    throw new RangeError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`)
  }
  // The library knows more than Kubernetes allows, such as `L` and Sunday as 7.
  for (const [i, field] of FIELDS.entries()) for (const part of (parts[i] ?? '').split(',')) checkPart(part, field)
  new Cron(parts.join(' '), { paused: true, mode: '5-part', sloppyRanges: true })
}

/** One of a field's parts between commas, such as `mon-fri` or `1-30/2`. */
function checkPart(text: string, field: Field): void {
  const [range = '', step, ...slashes] = text.split('/')
  const [low = '', high, ...hyphens] = range.split('-')
  const isAny = low === '*' || low === '?'
  if (!isAny && hyphens.length > 0) throw new RangeError(`too many hyphens: ${text}`)
  if (slashes.length > 0) throw new RangeError(`too many slashes: ${text}`)
  if (step !== undefined && parseNumber(step) === 0) throw new RangeError(`step of range should be a positive number: ${text}`)
  if (isAny) return
  const from = numberOf(low, field)
  const to = high === undefined ? (step === undefined ? from : field.max) : numberOf(high, field)
  if (from < field.min) throw new RangeError(`beginning of range (${from}) below minimum (${field.min}): ${text}`)
  if (to > field.max) throw new RangeError(`end of range (${to}) above maximum (${field.max}): ${text}`)
  if (from > to) throw new RangeError(`beginning of range (${from}) beyond end of range (${to}): ${text}`)
}

function numberOf(text: string, { min, names }: Field): number {
  const index = names?.indexOf(text.toLowerCase()) ?? -1
  return index >= 0 ? min + index : parseNumber(text)
}

function parseNumber(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text)
  throw new RangeError(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
}

const ZONE_PART = /^(?!\.{1,2}$)(?!-)[A-Za-z.\-_0-9+]{1,14}$/

/** Why `zone` is no time zone; undefined when it is one. */
export function timeZoneError(zone: string): string | undefined {
  if (zone === '') return 'timeZone must be nil or non-empty string'
  const unknown = `unknown time zone ${zone}`
  if (!zone.split('/').every(part => ZONE_PART.test(part))) return unknown
  if (zone.toLowerCase() === 'local') return 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones'
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return undefined
  } catch (err) {
    if (err instanceof RangeError) return unknown
    throw err
  }
}
