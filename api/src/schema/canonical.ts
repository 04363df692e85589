/** Scalars in the one form in which the server stores them. Each throws RangeError in Go's words. */
import { formatMicroTime, formatTime } from '../clock.ts'

const CANONICAL_TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$/
const RFC3339 = /^([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2})([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const GO_TIME_LAYOUT = '2006-01-02T15:04:05Z07:00'
const GO_MICRO_TIME_LAYOUT = '2006-01-02T15:04:05.000000Z07:00'

/** RFC 3339 in UTC, in whole seconds or with microseconds. */
export function canonicalTime(text: string, precision: 'micro' | undefined): string {
  const match = RFC3339.exec(text)
  const ms = match ? Date.parse(`${match[1]}T${match[2]}${match[4]}`) : Number.NaN
  if (!match || Number.isNaN(ms)) {
    const layout = precision === 'micro' ? GO_MICRO_TIME_LAYOUT : GO_TIME_LAYOUT
    const quoted = JSON.stringify(text)
    throw new RangeError(`parsing time ${quoted} as "${layout}": cannot parse ${quoted} as "2006"`)
  }
  if (precision !== 'micro') return CANONICAL_TIME.test(text) ? text : formatTime(ms)
  const micros = (match[3] ?? '').slice(1, 7).padEnd(6, '0')
  return formatMicroTime(ms).replace(/\.[0-9]{6}Z$/, `.${micros}Z`)
}

/** Base64 without line breaks. */
export function canonicalBase64(text: string): string {
  const joined = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, '') : text
  if (!BASE64.test(joined)) throw new RangeError(`illegal base64 data at input byte ${firstIllegalByte(joined)}`)
  return joined
}

/** Where Go's decoder stops: the first wrong byte, or the end when some are missing. */
function firstIllegalByte(text: string): number {
  const valid = /^[A-Za-z0-9+/]*/.exec(text)?.[0].length ?? 0
  return valid < text.length ? valid : text.length - (text.length % 4)
}
