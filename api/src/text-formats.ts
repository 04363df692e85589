/** Formats that Kubernetes checks; of all others any text will do. */
import { isIPv4, isIPv6 } from 'node:net'
import { isDnsSubdomain } from './names.ts'

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const HEX = '[0-9a-fA-F]'
const UUID = new RegExp(`^${HEX}{8}-?${HEX}{4}-?${HEX}{4}-?${HEX}{4}-?${HEX}{12}$`)
const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})[tT ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([zZ]|[+-]\d{2}:\d{2})$/
const DURATION = /^-?(\d+(\.\d+)?\s*(ns|us|µs|ms|s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?|milliseconds?)\s*)+$/

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  byte: text => BASE64.test(text),
  cidr: isCidr,
  date: text => /^\d{4}-\d{2}-\d{2}$/.test(text) && isDay(text),
  datetime: isDateTime,
  'date-time': isDateTime,
  duration: text => text === '0' || DURATION.test(text),
  email: text => text.length <= 320 && /^[^\s@<>]+@[^\s@<>]+$/.test(text),
  hexcolor: text => /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/.test(text),
  hostname: text => text !== '' && isDnsSubdomain(text.toLowerCase()) === undefined,
  ipv4: isIPv4,
  ipv6: isIPv6,
  mac: text => /^([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$/.test(text),
  uri: isUri,
  uuid: text => UUID.test(text),
  uuid3: text => UUID.test(text) && text.replaceAll('-', '')[12] === '3',
  uuid4: text => UUID.test(text) && /^.{12}4.{3}[89abAB]/.test(text.replaceAll('-', '')),
  uuid5: text => UUID.test(text) && /^.{12}5.{3}[89abAB]/.test(text.replaceAll('-', '')),
}

/** Whether `text` is of `format`; of a format that is not checked everything is. */
export function isOfFormat(format: string, text: string): boolean {
  const check = Object.hasOwn(FORMATS, format) ? FORMATS[format] : undefined
  return check === undefined || check(text)
}

function isDay(text: string): boolean {
  const ms = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)
}

function isDateTime(text: string): boolean {
  const match = DATE_TIME.exec(text)
  if (!match) return false
  const [, year, month, day, hour, minute, second] = match
  return isDay(`${year}-${month}-${day}`) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
}

function isCidr(text: string): boolean {
  const [address = '', bits = '', ...rest] = text.split('/')
  if (rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128)
}

/** As Go reads request URIs: absolute, or a path from the root. */
function isUri(text: string): boolean {
  if (text.startsWith('/')) return !/[\s]/.test(text)
  return /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(text)
}
