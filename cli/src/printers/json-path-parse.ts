/** kubectl's JSONPath: text with `{expressions}`. https://kubernetes.io/docs/reference/kubectl/jsonpath/ */

export type Step =
  | { is: 'field'; name: string }
  | { is: 'wildcard' }
  | { is: 'descent' }
  | { is: 'slice'; start?: number; end?: number; step?: number }
  | { is: 'index'; at: number }
  | { is: 'union'; steps: Step[] }
  | { is: 'filter'; left: Operand; operator?: string; right?: Operand }

export type Operand = { is: 'path'; steps: Step[] } | { is: 'value'; value: string | number | boolean }

export type Node = { is: 'text'; text: string } | { is: 'path'; steps: Step[] } | { is: 'range'; steps: Step[]; body: Node[] }

/** Throws in kubectl's words for what is no template. */
export function parseTemplate(template: string): Node[] {
  const root: Node[] = []
  const open: { body: Node[] }[] = [{ body: root }]
  for (let at = 0; at < template.length; ) {
    const start = template.indexOf('{', at)
    if (start < 0) {
      open.at(-1)!.body.push({ is: 'text', text: template.slice(at) })
      break
    }
    if (start > at) open.at(-1)!.body.push({ is: 'text', text: template.slice(at, start) })
    const end = endOfExpression(template, start)
    addExpression(template.slice(start + 1, end).trim(), open)
    at = end + 1
  }
  if (open.length > 1) throw new Error('unclosed range, expected {end}')
  return root
}

/** A path alone, with or without braces and leading dot, as `--sort-by` and custom columns take it. */
export function parseRelaxedPath(path: string): Step[] {
  const inner = path
    .trim()
    .replace(/^\{([\s\S]*)\}$/, '$1')
    .trim()
    .replace(/^\$/, '')
  if (inner === '')
    throw new Error(`unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'`)
  return new PathReader(/^[.[]/.test(inner) ? inner : `.${inner}`).steps()
}

function addExpression(text: string, open: { body: Node[] }[]): void {
  const body = open.at(-1)!.body
  if (text === 'end') {
    if (open.length === 1) throw new Error('not in range, nothing to end')
    open.pop()
    return
  }
  const range = /^range\s+([\s\S]+)$/.exec(text)
  if (range) {
    const node: Node = { is: 'range', steps: new PathReader(range[1]!.trim()).steps(), body: [] }
    body.push(node)
    open.push(node)
    return
  }
  for (const part of partsOf(text)) {
    if (/^["']/.test(part)) body.push({ is: 'text', text: unquote(part) })
    else body.push({ is: 'path', steps: new PathReader(part).steps() })
  }
}

/** `{.a} {"\n"}` may also be written in one pair of braces: `{.a "\n"}`. */
function partsOf(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:\[(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\]"'])*\]|\\.|[^\s"'[]|\[)+/g) ?? []
}

function endOfExpression(template: string, start: number): number {
  let quote = ''
  for (let at = start + 1; at < template.length; at++) {
    const char = template[at]!
    if (char === '\\') at++
    else if (quote) quote = char === quote ? '' : quote
    else if (char === '"' || char === "'") quote = char
    else if (char === '}') return at
  }
  throw new Error('unclosed action')
}

function unquote(text: string): string {
  if (text.startsWith("'"))
    text = `"${text
      .slice(1, -1)
      .replaceAll("\\'", "'")
      .replace(/(?<!\\)"/g, '\\"')}"`
  try {
    return JSON.parse(text) as string
  } catch {
    throw new Error(`cannot read the text ${text}`)
  }
}

class PathReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  steps(): Step[] {
    const steps: Step[] = []
    const text = this.#text
    if (text[this.#at] === '$' || text[this.#at] === '@') this.#at++
    while (this.#at < text.length) {
      const char = text[this.#at]!
      if (char === '.') {
        this.#at++
        if (text[this.#at] === '.') {
          this.#at++
          steps.push({ is: 'descent' })
        }
        if (this.#at < text.length && text[this.#at] !== '[') steps.push(this.#field())
      } else if (char === '[') steps.push(this.#bracket())
      else if (this.#at === 0) steps.push(this.#field())
      else
        throw new Error(`unrecognized character in action: U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} '${char}'`)
    }
    return steps
  }

  #field(): Step {
    let name = ''
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at]!
      if (char === '\\') name += this.#text[++this.#at] ?? ''
      else if (char === '.' || char === '[') break
      else if (/[\w*/@:-]/.test(char) || char.charCodeAt(0) > 127) name += char
      else
        throw new Error(`unrecognized character in action: U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')} '${char}'`)
    }
    return name === '*' ? { is: 'wildcard' } : { is: 'field', name }
  }

  #bracket(): Step {
    const inner = this.#inner()
    if (/^\?\(/.test(inner)) return filterOf(inner.replace(/^\?\(|\)$/g, '').trim())
    const parts = splitOutsideQuotes(inner, ',')
    const steps = parts.map(part => elementOf(part.trim()))
    return steps.length === 1 ? steps[0]! : { is: 'union', steps }
  }

  /** What is inside the bracket at the place read; goes past it. */
  #inner(): string {
    const start = this.#at + 1
    let depth = 0
    let quote = ''
    for (let at = this.#at; at < this.#text.length; at++) {
      const char = this.#text[at]!
      if (quote) quote = char === quote ? '' : quote
      else if (char === '"' || char === "'") quote = char
      else if (char === '[') depth++
      else if (char === ']' && --depth === 0) {
        this.#at = at + 1
        return this.#text.slice(start, at).trim()
      }
    }
    throw new Error('unterminated array')
  }
}

function elementOf(text: string): Step {
  if (text === '*') return { is: 'wildcard' }
  if (/^["']/.test(text)) return { is: 'field', name: unquote(text) }
  if (/^-?\d+$/.test(text)) return { is: 'index', at: Number(text) }
  const slice = /^(-?\d*):(-?\d*)(?::(-?\d*))?$/.exec(text)
  if (!slice) throw new Error(`invalid array index ${text}`)
  const number = (part: string | undefined) => (part ? Number(part) : undefined)
  const [start, end, step] = [number(slice[1]), number(slice[2]), number(slice[3])]
  return { is: 'slice', ...(start !== undefined && { start }), ...(end !== undefined && { end }), ...(step !== undefined && { step }) }
}

function filterOf(text: string): Step {
  for (const operator of ['==', '!=', '<=', '>=', '<', '>']) {
    const [left, right] = splitOutsideQuotes(text, operator)
    if (left !== undefined && right !== undefined) {
      return { is: 'filter', left: operandOf(left.trim()), operator, right: operandOf(right.trim()) }
    }
  }
  return { is: 'filter', left: operandOf(text) }
}

function operandOf(text: string): Operand {
  if (/^["']/.test(text)) return { is: 'value', value: unquote(text) }
  if (/^-?\d+(\.\d+)?$/.test(text)) return { is: 'value', value: Number(text) }
  if (text === 'true' || text === 'false') return { is: 'value', value: text === 'true' }
  return { is: 'path', steps: new PathReader(text).steps() }
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = ['']
  let quote = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (quote) quote = char === quote ? '' : quote
    else if (char === '"' || char === "'") quote = char
    else if (text.startsWith(separator, at)) {
      parts.push('')
      at += separator.length - 1
      continue
    }
    parts[parts.length - 1] += char
  }
  return parts
}
