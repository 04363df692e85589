/**
 * YAML as kubectl prints it: members sorted, lists not indented, long lines left whole, and quotes exactly where its encoder
 * puts them. Written out here since no encoder's settings give the same text.
 */
import { isJsonObject } from '../session/index.ts'
import { naturalCompare } from './natural-order.ts'

/** One document, ending in a newline. */
export function toYaml(value: unknown): string {
  return isContainer(value) ? block(value, '') : `${scalar(value, '', 0)}\n`
}

function isContainer(value: unknown): value is object {
  return Array.isArray(value) ? value.length > 0 : isJsonObject(value) && definedKeys(value).length > 0
}

function block(value: object, indent: string): string {
  return Array.isArray(value) ? sequence(value, indent) : mapping(value as Record<string, unknown>, indent)
}

function mapping(value: Record<string, unknown>, indent: string): string {
  let text = ''
  for (const key of definedKeys(value).sort(naturalCompare)) {
    const member = value[key]
    const name = `${indent}${plainOrQuoted(key)}:`
    if (Array.isArray(member) && isContainer(member)) text += `${name}\n${sequence(member, indent)}`
    else if (isContainer(member)) text += `${name}\n${block(member, `${indent}  `)}`
    else text += `${name} ${scalar(member, `${indent}  `, name.length + 1)}\n`
  }
  return text
}

function sequence(values: readonly unknown[], indent: string): string {
  let text = ''
  for (const value of values) {
    if (isContainer(value)) text += `${indent}- ${block(value, `${indent}  `).slice(indent.length + 2)}`
    else text += `${indent}- ${scalar(value, `${indent}  `, indent.length + 2)}\n`
  }
  return text
}

function definedKeys(value: Record<string, unknown>): string[] {
  return Object.keys(value).filter(key => value[key] !== undefined)
}

/** `column` is where the text starts; long ones go on below, at `indent`. */
function scalar(value: unknown, indent: string, column: number): string {
  if (typeof value === 'string') {
    return value.includes('\n') && isLiteralFit(value) ? literal(value, indent) : fold(plainOrQuoted(value), indent, column)
  }
  if (value === null || value === undefined) return 'null'
  if (Array.isArray(value)) return '[]'
  if (typeof value === 'object') return '{}'
  return String(value)
}

const WIDTH = 80

/** Breaks at the first single space after the 80th column, and so on. */
function fold(text: string, indent: string, start: number): string {
  if (start + text.length <= WIDTH) return text
  let folded = ''
  let column = start
  const chars = [...text]
  for (const [at, char] of chars.entries()) {
    const isInner = at > 1 && at < chars.length - 2
    if (char === ' ' && column > WIDTH && isInner && chars[at - 1] !== ' ' && chars[at + 1] !== ' ') {
      folded += `\n${indent}`
      column = indent.length
    } else {
      folded += char
      column++
    }
  }
  return folded
}

function literal(text: string, indent: string): string {
  const chomping = text.endsWith('\n\n') || text === '\n' ? '+' : text.endsWith('\n') ? '' : '-'
  const indicator = /^[ \n]/.test(text) ? '2' : ''
  const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
  return `|${indicator}${chomping}\n${lines.map(line => (line === '' ? '' : indent + line)).join('\n')}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters YAML cannot show as they are.
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u0084\u0086-\u009f\ud800-\udfff\ufeff\ufffe\uffff\u{10000}-\u{10ffff}]/u
const RESOLVES_TO_OTHER =
  /^(?:~|null|Null|NULL|true|True|TRUE|false|False|FALSE|y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF|<<|\.(?:inf|Inf|INF|nan|NaN|NAN)|[-+]\.(?:inf|Inf|INF))$/
const NUMBER = /^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|\d[\d_]*|(?:\d[\d_]*\.?[\d_]*|\.[\d_]+)(?:[eE][-+]?\d+)?)$/
const SEXAGESIMAL = /^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/
const TIMESTAMP = /^\d{4}-\d{1,2}-\d{1,2}(?:(?:[Tt]|[ \t]+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)?$/
const INDICATOR_FIRST = /^(?:[#,[\]{}&*!|>'"%@`]|[-?:](?:\s|$)|---|\.\.\.)/

/** A block literal cannot hold what must be escaped, nor a line that ends in a space before a break. */
function isLiteralFit(text: string): boolean {
  return !UNPRINTABLE.test(text) && !/ \n| $/.test(text)
}

function plainOrQuoted(text: string): string {
  if (text === '' || RESOLVES_TO_OTHER.test(text) || NUMBER.test(text) || SEXAGESIMAL.test(text) || TIMESTAMP.test(text))
    return JSON.stringify(text)
  if (UNPRINTABLE.test(text) || /[\n\t]/.test(text)) return doubleQuoted(text)
  if (INDICATOR_FIRST.test(text) || /: |:$| #|^\s|\s$/.test(text)) return `'${text.replaceAll("'", "''")}'`
  return text
}

function doubleQuoted(text: string): string {
  return JSON.stringify(text)
    .replace(/[\u007f-\u009f]/g, char => `\\x${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/[\u{10000}-\u{10ffff}]/gu, char => `\\U${char.codePointAt(0)!.toString(16).toUpperCase().padStart(8, '0')}`)
}
