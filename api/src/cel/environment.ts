/** Expressions over declared variables: checked by their types, run with values as they come. */
import { Environment, Optional, type ParseResult } from '@marcbachmann/cel-js'
import { once } from '../once.ts'
import { type Budget, CostError, payingWith } from './budget.ts'
import { compileError, evaluationWords } from './compile-error.ts'
import { counted } from './counted.ts'
import { withLibraries } from './libraries/index.ts'
import { findLiterals, LITERAL_TYPES, restoreLiterals } from './literals.ts'

/** A type by name; an object that has these fields and no others; a list, a map by text, or what may be none, of another type. */
export type CelType =
  | string
  | { readonly fields: Readonly<Record<string, CelType>> }
  | { readonly list: CelType }
  | { readonly map: CelType }
  | { readonly optional: CelType }

export interface Expression {
  /** The type it has; `dyn` when that shows only when it runs. */
  readonly type: string
  /** Whether it speaks of a variable. */
  readonly uses: (variable: string) => boolean
  /** Throws Error in Kubernetes' words, or CostError. */
  readonly evaluate: (variables: Readonly<Record<string, unknown>>, budget: Budget) => unknown
}

export interface CelEnvironment {
  /** Throws CompileError. */
  readonly compile: (text: string) => Expression
}

/** Deeper and longer ones are refused when they are read. */
const LIMITS = { maxAstNodes: 5000, maxDepth: 100, maxListElements: 500, maxMapEntries: 500, maxCallArguments: 16 }
const CACHED_MAX = 500

/** Made on first use: most programs that know kinds never meet an expression. */
const base = once(() => {
  const environment = withLibraries(new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits: LIMITS }))
  const functions = new Set(environment.getDefinitions().functions.map(({ name }) => name))
  return { environment, knows: (name: string) => functions.has(name) || MACROS.has(name) }
})
/** Macros are functions that the library does not list. */
const MACROS = new Set(['has', 'all', 'exists', 'exists_one', 'map', 'filter', 'bind'])

export interface CelOptions {
  /** Types that are shared with other environments are made once. */
  readonly family?: CelFamily | undefined
  /** Expressions may make objects: `Object{…}`, `Object.spec{…}`, `JSONPatch{…}`. */
  readonly hasLiterals?: boolean
}

export function celEnvironment(variables: Readonly<Record<string, CelType>>, options: CelOptions = {}): CelEnvironment {
  const pair = once(() => environmentsOf(variables, options))
  const cache = new Map<string, Expression>()
  return {
    compile: text => {
      const known = cache.get(text)
      if (known) return known
      const { typed, running } = pair()
      const expression = compile(text, typed, running, options.hasLiterals ?? false)
      if (cache.size >= CACHED_MAX) cache.delete(cache.keys().next().value as string)
      cache.set(text, expression)
      return expression
    },
  }
}

/** Environments whose variables are of parts of one type, such as the schemas within a schema. */
export interface CelFamily {
  readonly types: () => Types
}

export function celFamily(type: CelType): CelFamily {
  return {
    types: once(() => {
      const types = new Types(base().environment.clone())
      types.nameOf(type)
      return types
    }),
  }
}

function environmentsOf(variables: Readonly<Record<string, CelType>>, { family, hasLiterals }: CelOptions) {
  const running = base().environment.clone()
  const types = family?.types().clone() ?? new Types(base().environment.clone())
  for (const [name, type] of Object.entries(variables)) {
    // The library calls methods of optional values only where it knows that they are.
    running.registerVariable(name, typeof type === 'object' && 'optional' in type ? 'optional<dyn>' : 'dyn')
    types.declare(name, type)
  }
  if (hasLiterals)
    for (const name of LITERAL_TYPES) for (const each of [types.environment, running]) each.registerType(name, { fields: {} })
  return { typed: types.environment, running }
}

/** A value that may be none, as `oldSelf` is in rules that ask for it so. */
export function optionalValue(value: unknown): unknown {
  return value === undefined ? Optional.none() : Optional.of(value)
}

function compile(text: string, typed: Environment, running: Environment, hasLiterals: boolean): Expression {
  const { type } = checked(text, typed, hasLiterals)
  const { parsed } = checked(text, running, hasLiterals)
  const names = counted(parsed.ast)
  return {
    type,
    uses: variable => names.has(variable),
    evaluate: (variables, budget) => {
      try {
        return payingWith(budget, () => parsed({ ...variables }))
      } catch (error) {
        throw isOurs(error) ? error : new Error(evaluationWords(error), { cause: error })
      }
    },
  }
}

/** Errors that are for whoever started the evaluation. */
function isOurs(error: unknown): boolean {
  return error instanceof CostError || (error instanceof Error && 'isQuestion' in error)
}

function checked(text: string, environment: Environment, hasLiterals: boolean): { parsed: ParseResult; type: string } {
  const { knows } = base()
  let parsed: ParseResult
  try {
    if (hasLiterals) {
      const literals = findLiterals(text)
      parsed = environment.parse(literals.text)
      restoreLiterals(parsed.ast, literals.byPlace)
    } else parsed = environment.parse(text)
  } catch (error) {
    throw compileError(error, text, knows)
  }
  const { valid, type, error } = parsed.check()
  if (!valid) throw compileError(error ?? new Error('types do not fit'), text, knows)
  return { parsed, type: String(type) }
}

/** Types of objects have no names for users; here each gets one of its own. */
class Types {
  readonly environment: Environment
  readonly #names: Map<CelType, string>

  constructor(environment: Environment, names: ReadonlyMap<CelType, string> = new Map()) {
    this.environment = environment
    this.#names = new Map(names)
  }

  /** With all its types; it takes no more itself. */
  clone(): Types {
    return new Types(this.environment.clone(), this.#names)
  }

  declare(variable: string, type: CelType): void {
    this.environment.registerVariable(variable, this.nameOf(type))
  }

  nameOf(type: CelType): string {
    if (typeof type === 'string') return type === 'authorizer' ? 'kubernetes.authorization.Authorizer' : type
    if ('list' in type) return `list<${this.nameOf(type.list)}>`
    if ('map' in type) return `map<string, ${this.nameOf(type.map)}>`
    if ('optional' in type) return `optional<${this.nameOf(type.optional)}>`
    const known = this.#names.get(type)
    if (known) return known
    const fields = Object.fromEntries(Object.entries(type.fields).map(([field, inner]) => [field, this.nameOf(inner)]))
    const name = `object.o${this.#names.size}`
    this.#names.set(type, name)
    this.environment.registerType(name, { fields }).registerOperator(`${name} == ${name}`, () => true)
    return name
  }
}
