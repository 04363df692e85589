/**
 * Objects made by the name of their type, `Object.spec{replicas: 1}`, which the library cannot read: it is given a map in their place,
 * in a text of the same length so that errors stand where they should.
 */
import { Optional } from '@marcbachmann/cel-js'
import { put } from '../patch/json.ts'

interface Field {
  readonly name: string
  /** `?name: value`: there only if the value is. */
  readonly isOptional: boolean
}

interface Literal {
  readonly type: string
  /** By the place of the name. */
  readonly fields: Map<number, Field>
}

export interface Literals {
  /** What the library is to read. */
  readonly text: string
  /** By the place of the brace. */
  readonly byPlace: ReadonlyMap<number, Literal>
}

/** What may be made by name; what is below `Object` is a type, too. */
export const LITERAL_TYPES = ['Object', 'JSONPatch'] as const

const PATCH_FIELDS: Readonly<Record<string, 'string' | 'dyn'>> = { op: 'string', path: 'string', from: 'string', value: 'dyn' }

/** Comments, texts, names of types before a brace, other names, and every other character alone. */
const TOKEN = new RegExp(
  [
    /\/\/[^\n]*/,
    /[bBrR]?(?:"""(?:\\[\s\S]|[^\\])*?"""|'''(?:\\[\s\S]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')/,
    /(?<type>Object(?:\s*\.\s*\w+)*|JSONPatch)\s*(?=\{)/,
    /(?<name>[A-Za-z_]\w*)/,
    /\s+/,
    /[\s\S]/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
)

export function findLiterals(text: string): Literals {
  const byPlace = new Map<number, Literal>()
  const open: (Literal | undefined)[] = []
  let written = ''
  let before = ''
  let type: string | undefined
  let isField = false
  let isOptional = false
  for (const { 0: token, index, groups = {} } of text.matchAll(TOKEN)) {
    if (/^(?:\s|\/\/)/.test(token)) {
      written += token
      continue
    }
    const within = open.at(-1)
    if (groups.type !== undefined && before !== '.' && !isField) {
      type = groups.type.replace(/\s/g, '')
      written += token.replace(/\S/g, ' ')
      continue
    }
    if (within && isField && token === '?') {
      isOptional = true
      written += ' '
      continue
    }
    if (within && isField && groups.name !== undefined) {
      within.fields.set(index, { name: token, isOptional })
      // Whatever it is: some names CEL keeps for itself where they are not fields.
      written += '_'.repeat(token.length)
    } else written += token
    isField = false
    isOptional = false
    if ('{[('.includes(token)) {
      const literal = type !== undefined && token === '{' ? { type, fields: new Map<number, Field>() } : undefined
      if (literal) byPlace.set(index, literal)
      open.push(literal)
      isField = literal !== undefined
    } else if ('}])'.includes(token)) open.pop()
    else if (token === ',') isField = within !== undefined
    type = undefined
    before = token
  }
  return { text: written, byPlace }
}

interface Type {
  readonly name: string
}

interface Checker {
  check(node: Node, context: unknown): Type
  getType(name: string): Type
  createError(code: string, message: string, node: Node): Error
}

interface Evaluator {
  run(node: Node, context: unknown): unknown
}

interface Node {
  readonly op: string
  readonly args: unknown
  readonly start: number
  setMeta(key: 'check', check: (checker: Checker, node: Node, context: unknown) => Type): Node
  setMeta(key: 'evaluate', evaluate: (evaluator: Evaluator, node: Node, context: unknown) => unknown): Node
}

/** Makes the maps that stand for literals what they are; before anything is checked. */
export function restoreLiterals(value: unknown, byPlace: Literals['byPlace']): void {
  if (byPlace.size === 0) return
  if (Array.isArray(value)) {
    for (const item of value) restoreLiterals(item, byPlace)
    return
  }
  if (typeof value !== 'object' || value === null || !('op' in value) || !('args' in value)) return
  const node = value as Node
  restoreLiterals(node.args, byPlace)
  const literal = node.op === 'map' ? byPlace.get(node.start) : undefined
  if (literal) restore(node, literal)
}

function restore(node: Node, { type, fields }: Literal): void {
  const entries = (node.args as [Node, Node][]).map(([key, value]) => ({ key, value, field: key.op === 'id' && fields.get(key.start) }))
  node.setMeta('check', (checker, _, context) => {
    for (const { key, value, field } of entries) {
      if (!field) throw checker.createError('invalid_field', 'Syntax error: a name of a field is wanted', key)
      const given = checker.check(value, context)
      if (type === 'JSONPatch') checkPatchField({ field, given, key }, checker)
    }
    return checker.getType(type === 'JSONPatch' || type === 'Object' ? type : 'dyn')
  })
  node.setMeta('evaluate', (evaluator, _, context) => {
    const made: Record<string, unknown> = Object.create(null)
    for (const { value, field } of entries) {
      if (!field) continue
      const given = evaluator.run(value, context)
      if (!field.isOptional) put(made, field.name, given)
      else if (!(given instanceof Optional)) throw new Error('no such overload')
      else if (given.hasValue()) put(made, field.name, given.value())
    }
    TYPES.set(made, type)
    return made
  })
}

function checkPatchField({ field, given, key }: { field: Field; given: Type; key: Node }, checker: Checker): void {
  const wanted = Object.hasOwn(PATCH_FIELDS, field.name) ? PATCH_FIELDS[field.name] : undefined
  if (!wanted) throw checker.createError('no_such_key', `No such key: ${field.name}`, key)
  if (wanted === 'dyn' || given.name === 'dyn' || given.name === wanted || field.isOptional) return
  const words = `expected type of field '${field.name}' is '${wanted}' but provided type is '${given.name}'`
  throw checker.createError('invalid_field_type', words, key)
}

/** What was made by name, and by which. */
const TYPES = new WeakMap<object, string>()

/** Undefined for what was not made by name. */
export function literalType(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? TYPES.get(value) : undefined
}
