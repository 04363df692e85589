/** Label selectors in both their forms: text (`app=web,tier in (a,b),!old`) and LabelSelector objects. */
import type { LabelSelector, LabelSelectorRequirement } from '../meta.ts'
import { isQualifiedName } from '../names.ts'
import { ApiError, badRequest } from '../status.ts'
import { checkRequirement, NOTHING, type Operator, type Requirement, type Selector, selectorOf } from './requirement.ts'

type Token = { is: 'word' | 'symbol' | 'end'; text: string }

const TOKENS = /\s*(?:(==|!=|[=!(),<>])|([^\s=!(),<>]+))/gy
const SYMBOL_OPERATORS: Readonly<Record<string, Operator>> = { '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt' }
const TEXT_MAX = 64 * 1024

/** Throws ApiError BadRequest in Kubernetes' words (`unable to parse requirement: …`). Empty text selects everything. */
export function parseLabelSelector(text: string): Selector {
  // A bound of ours: no real selector is near it, and the work grows with the text.
  if (text.length > TEXT_MAX) throw badRequest(`label selector is too long: ${text.length} characters, at most ${TEXT_MAX} are allowed`)
  const tokens = new Tokens(text)
  const requirements: Requirement[] = []
  while (tokens.peek().is !== 'end') {
    const first = tokens.peek()
    if (first.is !== 'word' && first.text !== '!') throw found(first, "!, identifier, or 'end of string'")
    requirements.push(parseRequirement(tokens))
    const next = tokens.take()
    if (next.is === 'end') break
    if (next.text !== ',') throw found(next, "',' or 'end of string'")
    const after = tokens.peek()
    if (after.is !== 'word' && after.text !== '!') throw found(after, "identifier after ','")
  }
  return selectorOf(requirements)
}

/** As Kubernetes has it: an absent selector selects nothing, an empty one everything. Throws ApiError BadRequest. */
export function selectorFromLabelSelector(selector: LabelSelector | undefined): Selector {
  if (!selector) return NOTHING
  const exact = Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => ({ key, operator: '=', values: [value] }))
  const requirements = [...exact, ...(selector.matchExpressions ?? []).map(fromExpression)]
  for (const requirement of requirements) checkRequirement(requirement)
  return selectorOf(requirements)
}

/** A selector of exactly these labels, as Services and ReplicationControllers have it; without labels it selects nothing. */
export function selectorFromMap(labels: Readonly<Record<string, string>> | undefined): Selector {
  const entries = Object.entries(labels ?? {})
  return entries.length === 0 ? NOTHING : selectorOf(entries.map(([key, value]) => ({ key, operator: '=', values: [value] })))
}

/** What `kubectl get -o wide` shows under SELECTOR; `<none>` when there is none. Never throws. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    return selectorFromLabelSelector(selector).toString() || '<none>'
  } catch {
    return '<error>'
  }
}

const EXPRESSION_OPERATORS: Readonly<Record<LabelSelectorRequirement['operator'], Operator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
}

function fromExpression({ key, operator, values }: LabelSelectorRequirement): Requirement {
  const known = Object.hasOwn(EXPRESSION_OPERATORS, operator) ? EXPRESSION_OPERATORS[operator] : undefined
  if (!known) throw badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`)
  return { key, operator: known, values: values ?? [] }
}

function parseRequirement(tokens: Tokens): Requirement {
  try {
    const requirement = readRequirement(tokens)
    checkRequirement(requirement)
    return requirement
  } catch (err) {
    if (err instanceof ApiError) throw badRequest(`unable to parse requirement: ${err.message}`)
    throw err
  }
}

function readRequirement(tokens: Tokens): Requirement {
  const negated = tokens.peek().text === '!'
  if (negated) tokens.take()
  const word = tokens.take()
  if (word.is !== 'word') throw found(word, 'identifier')
  const key = word.text
  const wrong = isQualifiedName(key)
  // The upstream parser has no path to show here, and says so.
  if (wrong) throw badRequest(`<nil>: Invalid value: ${JSON.stringify(key)}: ${wrong}`)
  if (negated) return { key, operator: '!', values: [] }
  const next = tokens.peek()
  if (next.is === 'end' || next.text === ',') return { key, operator: 'exists', values: [] }
  const token = tokens.take()
  if (token.is === 'word' && (token.text === 'in' || token.text === 'notin')) return { key, operator: token.text, values: readSet(tokens) }
  const operator = token.is === 'symbol' && Object.hasOwn(SYMBOL_OPERATORS, token.text) ? SYMBOL_OPERATORS[token.text] : undefined
  if (!operator) throw found(token, 'in, notin, =, ==, !=, gt, lt')
  return { key, operator, values: [readValue(tokens)] }
}

function readValue(tokens: Tokens): string {
  const next = tokens.peek()
  if (next.is === 'end' || next.text === ',') return ''
  const value = tokens.take()
  if (value.is !== 'word') throw found(value, 'identifier')
  return value.text
}

/** `(a,b)`; an empty place between commas is the empty value. */
function readSet(tokens: Tokens): string[] {
  const open = tokens.take()
  if (open.text !== '(') throw badRequest(`found '${open.text}' expected: '('`)
  const values = new Set<string>()
  if (tokens.peek().text === ')') {
    tokens.take()
    return []
  }
  for (;;) {
    const token = tokens.peek()
    if (token.is === 'word') values.add(tokens.take().text)
    else if (token.text === ',' || token.text === ')') values.add('')
    else throw found(token, values.size === 0 ? "',', ')' or identifier" : "',', or identifier")
    const separator = tokens.take()
    if (separator.text === ')') return [...values]
    if (separator.text !== ',') throw found(separator, "',' or ')'")
  }
}

function found(token: Token, expected: string): ApiError {
  return badRequest(`found '${token.text}', expected: ${expected}`)
}

class Tokens {
  readonly #tokens: Token[] = []
  #at = 0

  constructor(text: string) {
    for (const [, symbol, word] of text.trimEnd().matchAll(TOKENS)) {
      this.#tokens.push(symbol === undefined ? { is: 'word', text: word ?? '' } : { is: 'symbol', text: symbol })
    }
  }

  peek(): Token {
    return this.#tokens[this.#at] ?? { is: 'end', text: '' }
  }

  take(): Token {
    const token = this.peek()
    this.#at++
    return token
  }
}
