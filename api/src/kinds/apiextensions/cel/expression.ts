/**
 * One CEL expression, compiled once. The library knows no cost: every node of the expression that is evaluated is counted here, and
 * so is what it gives, so that no rule holds the server for long. Regular expressions are RE2's.
 */
import { Environment, Optional } from '@marcbachmann/cel-js'
import { matchesPattern } from '../structural/pattern.ts'
import { withFunctions } from './functions.ts'

/** What evaluations may still cost. One node of an expression costs 1. */
export class Budget {
  #left: number

  constructor(units: number) {
    this.#left = units
  }

  get left(): number {
    return this.#left
  }

  /** Throws CostError when there is no more. */
  spend(units: number): void {
    this.#left -= units
    if (this.#left < 0) throw new CostError()
  }
}

export class CostError extends Error {}

export interface Expression {
  /** The type it has; `dyn` when that shows only when it runs. */
  readonly type: string
  /** Whether it speaks of `oldSelf`. */
  readonly usesOld: boolean
  /** Throws Error in the library's words, or CostError. */
  readonly evaluate: (variables: Readonly<Record<string, unknown>>, budget: Budget) => unknown
}

/** Deeper and longer ones are refused when they are read. */
const LIMITS = { maxAstNodes: 5000, maxDepth: 100, maxListElements: 500, maxMapEntries: 500, maxCallArguments: 16 }
const CACHED_MAX = 2000
const CACHE = new Map<string, Expression>()

const environmentOf = (oldSelf: 'dyn' | 'optional') =>
  withFunctions(new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits: LIMITS }))
    .registerVariable('self', 'dyn')
    .registerVariable('oldSelf', oldSelf)
const ENVIRONMENT = environmentOf('dyn')
const ENVIRONMENT_OF_OPTIONAL = environmentOf('optional')

/** A value that may be none, as `oldSelf` is in rules that ask for it so. */
export function optionalValue(value: unknown): unknown {
  return value === undefined ? Optional.none() : Optional.of(value)
}

/** `isOldOptional`: `oldSelf` may be none. Throws Error when it cannot be read or its types do not fit. */
export function compileExpression(text: string, isOldOptional = false): Expression {
  const name = `${isOldOptional ? 'optional' : ''} ${text}`
  const known = CACHE.get(name)
  if (known) return known
  const parsed = (isOldOptional ? ENVIRONMENT_OF_OPTIONAL : ENVIRONMENT).parse(text)
  const { valid, type, error } = parsed.check()
  if (!valid) throw error ?? new Error('types do not fit')
  let present: Budget | undefined
  const names = new Set<string>()
  instrument(parsed.ast, names, units => present?.spend(units))
  const expression: Expression = {
    type: String(type),
    usesOld: names.has('oldSelf'),
    evaluate: (variables, budget) => {
      present = budget
      try {
        return parsed({ ...variables })
      } finally {
        present = undefined
      }
    },
  }
  if (CACHE.size >= CACHED_MAX) CACHE.delete(CACHE.keys().next().value as string)
  CACHE.set(name, expression)
  return expression
}

interface AstNode {
  readonly op: string
  readonly args: unknown
  evaluate: Evaluate
}
type Evaluate = (evaluator: { run: (node: AstNode, context: unknown) => unknown }, node: AstNode, context: unknown) => unknown
type Spend = (units: number) => void

/** Every node as it was written; what macros make of them holds the very same nodes. */
function instrument(value: unknown, names: Set<string>, spend: Spend): void {
  if (Array.isArray(value)) {
    for (const item of value) instrument(item, names, spend)
    return
  }
  if (typeof value !== 'object' || value === null || !('op' in value) || !('args' in value)) return
  const node = value as AstNode
  if (node.op === 'id') names.add(String(node.args))
  instrument(node.args, names, spend)
  count(node, spend)
}

function count(node: AstNode, spend: Spend): void {
  // The library puts another function in its place when a node is evaluated first.
  let inner = patternMatch(node, spend) ?? node.evaluate
  const isOurs = inner !== node.evaluate
  const counted: Evaluate = (evaluator, _, context) => {
    spend(1)
    const result = inner.call(node, evaluator, node, context)
    if (typeof result === 'string') spend(result.length / 10)
    else if (Array.isArray(result)) spend(result.length / 10)
    return result
  }
  Object.defineProperty(node, 'evaluate', {
    get: () => counted,
    set: (other: Evaluate) => {
      if (!isOurs) inner = other
    },
  })
}

/** `text.matches(pattern)` and `matches(text, pattern)`. */
function patternMatch({ op, args }: AstNode, spend: Spend): Evaluate | undefined {
  if (!Array.isArray(args) || args[0] !== 'matches') return undefined
  const operands: AstNode[] = op === 'rcall' ? [args[1], ...args[2]] : op === 'call' ? args[1] : []
  const [left, right] = operands
  if (!left || !right) return undefined
  return (evaluator, _, context) => {
    const text = evaluator.run(left, context)
    const pattern = evaluator.run(right, context)
    if (typeof text !== 'string' || typeof pattern !== 'string') throw new Error('no such overload: matches wants two strings')
    spend((text.length / 10) * Math.max(1, pattern.length / 4))
    return matchesPattern(pattern, text)
  }
}
