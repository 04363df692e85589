import type { Environment } from '@marcbachmann/cel-js'
import { compilePattern } from '../../pattern.ts'
import { spend } from '../budget.ts'
import { spendOnPattern } from '../counted.ts'
import { formatText, timeText } from './format-text.ts'

const MATCHES_MAX = 1000

/** Text: what CEL's own library lacks, regular expressions, and times as text and numbers. */
export function withStrings(environment: Environment): Environment {
  const time = 'google.protobuf.Timestamp'
  const duration = 'google.protobuf.Duration'
  return environment
    .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) => replace(text, from, to, -1n))
    .registerFunction('string.replace(string, string, int): string', replace)
    .registerFunction('string.charAt(int): string', (text: string, at: bigint) => charAt(text, Number(at)))
    .registerFunction('string.format(list): string', formatText)
    .registerFunction('string.find(string): string', (text: string, pattern: string) => allMatches(text, pattern, 1)[0] ?? '')
    .registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) => allMatches(text, pattern, MATCHES_MAX))
    .registerFunction('string.findAll(string, int): list<string>', (text: string, pattern: string, most: bigint) =>
      allMatches(text, pattern, most < 0n ? MATCHES_MAX : Math.min(Number(most), MATCHES_MAX)),
    )
    .registerFunction(`string(${time}): string`, timeText)
    .registerFunction(`string(${duration}): string`, (value: Duration) => durationText(value))
    .registerFunction(`int(${time}): int`, (value: Date) => BigInt(Math.floor(value.getTime() / 1000)))
    .registerFunction(`timestamp(${time}): ${time}`, (value: Date) => value)
    .registerFunction(`duration(${duration}): ${duration}`, (value: Duration) => value)
}

interface Duration {
  readonly seconds: bigint
  readonly nanos: number
}

export function durationText({ seconds, nanos }: Duration): string {
  const fraction = nanos === 0 ? '' : `.${String(Math.abs(nanos)).padStart(9, '0').replace(/0+$/, '')}`
  return `${seconds}${fraction}s`
}

function charAt(text: string, at: number): string {
  if (at < 0 || at > text.length) throw new Error(`index out of range: ${at}`)
  return text.charAt(at)
}

function replace(text: string, from: string, to: string, most: bigint): string {
  // Between nothing and nothing is a place, too: before and behind every letter.
  const parts = from === '' ? ['', ...text, ''] : text.split(from)
  spend((text.length + parts.length * to.length) / 10)
  if (most < 0n || most >= parts.length) return parts.join(to)
  const count = Number(most)
  return parts.slice(0, count + 1).join(to) + (parts.length > count + 1 ? from + parts.slice(count + 1).join(from) : '')
}

function allMatches(text: string, pattern: string, max: number): string[] {
  const matcher = compilePattern(pattern).matcher(text)
  const found: string[] = []
  spendOnPattern(text, pattern)
  while (found.length < max && matcher.find()) found.push(matcher.group() ?? '')
  return found
}
