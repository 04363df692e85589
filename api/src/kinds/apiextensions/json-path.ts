/** The parts of JSONPath that definitions use: fields, indexes, wildcards and filters by one comparison; and plain paths of fields. */

type Step =
  | { readonly kind: 'field'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'filter'; readonly path: readonly Step[]; readonly operator: string | undefined; readonly value: unknown }

export interface JsonPath {
  /** Every value that is there, in order. */
  readonly find: (object: unknown) => unknown[]
}

const STEP = /^(?:\.?\[\s*(\d+|-\d+|\*)\s*\]|\.?\[\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*\]|\.(\*)|\.((?:[^.[\]\\\s]|\\.)+))/
const FILTER = /^\.?\[\?\(\s*@((?:\.(?:[^.[\]\\\s=!<>)]|\\.)+)+)\s*(?:(==|!=|<=|>=|<|>)\s*(?:'([^']*)'|"([^"]*)"|([^\s)]+)))?\s*\)\]/

/** Throws Error for what is not read here. */
export function parseJsonPath(text: string): JsonPath {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1] ?? text
  const steps = parseSteps(inner.replace(/^\$/, ''))
  return { find: object => steps.reduce<unknown[]>((values, step) => values.flatMap(value => take(step, value)), [object]) }
}

function parseSteps(text: string): Step[] {
  const steps: Step[] = []
  let rest = text.startsWith('.') || text.startsWith('[') ? text : `.${text}`
  while (rest !== '') {
    const filter = FILTER.exec(rest)
    if (filter) {
      const [whole, path = '', operator, single, double, bare] = filter
      steps.push({ kind: 'filter', path: parseSteps(path), operator, value: single ?? double ?? literalOf(bare) })
      rest = rest.slice(whole.length)
      continue
    }
    const match = STEP.exec(rest)
    if (!match) throw new Error(`cannot read ${JSON.stringify(rest)}`)
    const [whole, index, single, double, star, name] = match
    const quoted = single ?? double ?? name
    if (index === '*' || star) steps.push({ kind: 'all' })
    else if (index !== undefined) steps.push({ kind: 'index', index: Number(index) })
    else steps.push({ kind: 'field', name: (quoted ?? '').replace(/\\(.)/g, '$1') })
    rest = rest.slice(whole.length)
  }
  return steps
}

function literalOf(text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function take(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case 'field': {
      const found = typeof value === 'object' && value !== null && Object.hasOwn(value, step.name) ? fieldOf(value, step.name) : undefined
      return found === undefined ? [] : [found]
    }
    case 'index': {
      const found = Array.isArray(value) ? value.at(step.index) : undefined
      return found === undefined ? [] : [found]
    }
    case 'all':
      return Array.isArray(value) ? value : typeof value === 'object' && value !== null ? Object.values(value) : []
    case 'filter':
      return Array.isArray(value) ? value.filter(item => passes(step, item)) : []
  }
}

function passes({ path, operator, value }: Extract<Step, { kind: 'filter' }>, item: unknown): boolean {
  const [found] = path.reduce<unknown[]>((values, step) => values.flatMap(each => take(step, each)), [item])
  if (operator === undefined) return found !== undefined
  if (found === undefined) return false
  switch (operator) {
    case '==':
      return found === value
    case '!=':
      return found !== value
    case '<':
      return (found as number) < (value as number)
    case '<=':
      return (found as number) <= (value as number)
    case '>':
      return (found as number) > (value as number)
    default:
      return (found as number) >= (value as number)
  }
}

function fieldOf(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name]
}

const SIMPLE = /^(\.[A-Za-z_][A-Za-z0-9_-]*)+$/

/** The fields of a path such as `.spec.replicas`; undefined when it is none. */
export function fieldsOfPath(path: string): string[] | undefined {
  return SIMPLE.test(path) ? path.slice(1).split('.') : undefined
}

/** What is at a path of fields; undefined when nothing is. */
export function valueAt(object: unknown, fields: readonly string[]): unknown {
  let value = object
  for (const name of fields) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = fieldOf(value, name)
  }
  return value
}

/** Puts `value` at a path of fields, making objects on the way. */
export function putAt(object: object, fields: readonly string[], value: unknown): void {
  let holder = object as Record<string, unknown>
  for (const name of fields.slice(0, -1)) {
    const inner = Object.hasOwn(holder, name) ? holder[name] : undefined
    if (typeof inner !== 'object' || inner === null) holder[name] = {}
    holder = holder[name] as Record<string, unknown>
  }
  holder[fields.at(-1) as string] = value
}
