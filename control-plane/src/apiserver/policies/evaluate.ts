/** What a policy finds about a request, in Kubernetes' words. */
import type { CompiledFrame, CompiledPolicy } from '@davit/api'
import { Budget, CostError, type Expression, lazyFields } from '@davit/api/cel'
import { doHold, type Facts } from '../webhooks/index.ts'

export interface Complaint {
  readonly message: string
  /** A reason of a Status. */
  readonly reason: string
  /** The place of the expression in the policy; absent where none could be asked. */
  readonly index?: number
}

export interface Findings {
  readonly complaints: readonly Complaint[]
  readonly annotations: Readonly<Record<string, string>>
}

/** What one policy may cost for one binding and one parameter. */
const COST_MAX = 1_000_000
const MESSAGE_BYTES_MAX = 5 * 1024
const INVALID = 'Invalid'

/** Undefined when the policy's conditions do not hold. With `isLenient` what cannot be evaluated is no complaint. */
export async function evaluate(policy: CompiledPolicy, facts: Facts, isLenient: boolean): Promise<Findings | undefined> {
  const trouble = (error: unknown, index?: number): Complaint[] =>
    isLenient ? [] : [{ message: (error as Error).message, reason: INVALID, ...(index !== undefined && { index }) }]
  try {
    if (!(await doHold(policy.conditions, facts))) return undefined
  } catch (error) {
    return { complaints: trouble(error), annotations: {} }
  }
  const run = runner(policy, facts)
  const complaints: Complaint[] = []
  for (const [index, { of, expression, message }] of policy.validations.entries()) {
    try {
      if ((await run(expression)) === true) continue
      const said = message && (await run(message).catch(ownWordsMissing))
      complaints.push({ message: wordsFor(of, said), reason: of.reason ?? INVALID, index })
    } catch (error) {
      if (error instanceof CostError) {
        const why = 'validation failed due to running out of cost budget, no further validation rules will be run'
        return { complaints: [...complaints, ...trouble(new Error(why), index)], annotations: {} }
      }
      complaints.push(...trouble(new Error(`expression '${of.expression?.trim()}' resulted in error: ${(error as Error).message}`), index))
    }
  }
  const annotations: Record<string, string> = {}
  for (const { key, expression } of policy.annotations) {
    try {
      const value = await run(expression)
      if (typeof value === 'string' && value.trim() !== '') annotations[key] = value.trim()
    } catch (error) {
      complaints.push(...trouble(error))
    }
  }
  return { complaints, annotations }
}

/** Evaluates with the policy's variables, each when it is first read; all pay together. */
export function runner({ variables }: CompiledFrame, { variables: given, asking }: Facts): (expression: Expression) => Promise<unknown> {
  const budget = new Budget(COST_MAX)
  const all: Record<string, unknown> = { ...given }
  all.variables = lazyFields(
    Object.fromEntries(variables.map(({ name, expression }) => [name, () => composed(name, () => expression.evaluate(all, budget))])),
  )
  return expression => asking.settle(() => expression.evaluate(all, budget))
}

function composed(name: string, compute: () => unknown): unknown {
  try {
    return compute()
  } catch (error) {
    // Those are for whoever started the evaluation.
    if (error instanceof CostError || (error instanceof Error && 'isQuestion' in error)) throw error
    throw new Error(`composited variable "${name}" fails to evaluate: ${(error as Error).message}`, { cause: error })
  }
}

/** A message that cannot be made is left out, unless everything is over. */
function ownWordsMissing(error: unknown): undefined {
  if (error instanceof CostError) throw error
  return undefined
}

function wordsFor({ expression = '', message = '' }: { expression?: string; message?: string }, said: unknown): string {
  const own = typeof said === 'string' ? said.trim() : ''
  if (own !== '' && Buffer.byteLength(own) <= MESSAGE_BYTES_MAX && !/[\r\n]/.test(own)) return own
  return message.trim() || `failed expression: ${expression.trim()}`
}
