import { elasticTabs } from '../printers/index.ts'

/** Collects a description line by line; tabs become columns at the end. */
export class DescriptionWriter {
  #text = ''

  /** A line at a level, two spaces each; cells are parted by tabs. */
  line(level: number, ...cells: readonly unknown[]): void {
    this.#text += `${'  '.repeat(level)}${cells.map(String).join('\t')}\n`
  }

  /** Name and value at a level: `Name:  value`. */
  field(level: number, name: string, value: unknown): void {
    this.line(level, `${name}:`, value)
  }

  /** Text as it is, tabs included. */
  raw(text: string): void {
    this.#text += text
  }

  /** Everything, tabs as they are. */
  get text(): string {
    return this.#text
  }

  /** Everything, tabs as columns. */
  toString(): string {
    return elasticTabs(this.#text)
  }
}

/** A map as `Labels:  a=b`, further entries on lines of their own below. */
export function writeMap(
  out: DescriptionWriter,
  level: number,
  name: string,
  map: Readonly<Record<string, string>> | undefined,
  separator = '=',
): void {
  const entries = Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) out.line(level, `${name}:`, '<none>')
  for (const [at, [key, value]] of entries.entries()) out.line(level, at === 0 ? `${name}:` : '', `${key}${separator}${value}`)
}

const HIDDEN_ANNOTATIONS = new Set(['kubectl.kubernetes.io/last-applied-configuration'])
const ANNOTATION_WIDTH_MAX = 140

/** Annotations as kubectl shows them: without what apply keeps there, long ones on lines below. */
export function writeAnnotations(out: DescriptionWriter, annotations: Readonly<Record<string, string>> | undefined, level = 0): void {
  const entries = Object.entries(annotations ?? {})
    .filter(([key]) => !HIDDEN_ANNOTATIONS.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  if (entries.length === 0) out.line(level, 'Annotations:', '<none>')
  for (const [at, [key, value]] of entries.entries()) {
    const name = at === 0 ? 'Annotations:' : ''
    const text = value.replace(/\n$/, '')
    if (text.length + key.length + 2 < ANNOTATION_WIDTH_MAX && !text.includes('\n')) out.line(level, name, `${key}: ${text}`)
    else {
      out.line(level, name, `${key}:`)
      for (const line of text.split('\n')) out.line(level, '', `  ${shorten(line)}`)
    }
  }
}

function shorten(text: string): string {
  return text.length > ANNOTATION_WIDTH_MAX ? `${text.slice(0, ANNOTATION_WIDTH_MAX - 3)}...` : text
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Mon, 02 Jan 2006 15:04:05 +0000`, in this machine's zone. */
export function formatDate(time: string | undefined): string {
  if (!time) return '<unset>'
  const date = new Date(time)
  const two = (number: number) => String(number).padStart(2, '0')
  const offset = -date.getTimezoneOffset()
  const zone = `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 60))}${two(Math.abs(offset) % 60)}`
  const day = `${DAYS[date.getDay()]}, ${two(date.getDate())} ${MONTHS[date.getMonth()]} ${date.getFullYear()}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zone}`
}

export function orNone(text: string | undefined): string {
  return text ? text : '<none>'
}

export function orUnset(text: string | undefined): string {
  return text ? text : '<unset>'
}

/** Go's `%q`-less bool words. */
export function goBool(value: boolean | undefined): string {
  return value ? 'true' : 'false'
}

/** Go capitalises the bools it titles: `True`. */
export function titleBool(value: boolean): string {
  return value ? 'True' : 'False'
}
