/** The library knows no cost: every node of an expression that is evaluated is counted, and so is what it gives. */
import { matchesPattern } from '../pattern.ts'
import { spend } from './budget.ts'
import { sizeOf } from './values.ts'

interface AstNode {
  readonly op: string
  readonly args: unknown
  evaluate: Evaluate
}

type Evaluate = (evaluator: { run: (node: AstNode, context: unknown) => unknown }, node: AstNode, context: unknown) => unknown

/** Operators that look at the whole of both their operands. */
const THOROUGH = new Set(['==', '!=', 'in'])

/** Counts every node as it was written; what macros make of them holds the very same nodes. Gives the names the expression speaks of. */
export function counted(ast: unknown): Set<string> {
  const names = new Set<string>()
  visit(ast, names, false)
  return names
}

function visit(value: unknown, names: Set<string>, isWhole: boolean): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, names, isWhole)
    return
  }
  if (typeof value !== 'object' || value === null || !('op' in value) || !('args' in value)) return
  const node = value as AstNode
  if (node.op === 'id') names.add(String(node.args))
  visit(node.args, names, THOROUGH.has(node.op))
  count(node, isWhole)
}

function count(node: AstNode, isWhole: boolean): void {
  // The library puts another function in its place when a node is evaluated first.
  let inner = patternMatch(node) ?? node.evaluate
  const isOurs = inner !== node.evaluate
  const evaluate: Evaluate = (evaluator, _, context) => {
    spend(1)
    const result = inner.call(node, evaluator, node, context)
    if (isWhole) spend(sizeOf(result) / 10)
    else if (typeof result === 'string' || Array.isArray(result)) spend(result.length / 10)
    return result
  }
  Object.defineProperty(node, 'evaluate', {
    get: () => evaluate,
    set: (other: Evaluate) => {
      if (!isOurs) inner = other
    },
  })
}

/** `text.matches(pattern)` and `matches(text, pattern)`: by RE2, where the library has regular expressions of JavaScript. */
function patternMatch({ op, args }: AstNode): Evaluate | undefined {
  if (!Array.isArray(args) || args[0] !== 'matches') return undefined
  const operands: AstNode[] = op === 'rcall' ? [args[1], ...args[2]] : op === 'call' ? args[1] : []
  const [left, right] = operands
  if (!left || !right) return undefined
  return (evaluator, _, context) => {
    const text = evaluator.run(left, context)
    const pattern = evaluator.run(right, context)
    if (typeof text !== 'string' || typeof pattern !== 'string') throw new Error('no such overload')
    spendOnPattern(text, pattern)
    return matchesPattern(pattern, text)
  }
}

/** Pays for one search. */
export function spendOnPattern(text: string, pattern: string): void {
  spend((text.length / 10) * Math.max(1, pattern.length / 4))
}
