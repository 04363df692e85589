/** The expressions that all policies have, in the order in which they may speak of each other. */
import type { CelEnvironment, CelType, Expression } from '../../cel/index.ts'
import { once } from '../../once.ts'
import type { FieldError } from '../../status.ts'
import { compiled, isIdentifier, policyEnvironment, type Wanted } from './expressions.ts'
import type { MutatingAdmissionPolicySpec, ValidatingAdmissionPolicySpec } from './types.ts'

export interface NamedExpression {
  readonly name: string
  readonly expression: Expression
}

export interface CompiledFrame {
  readonly conditions: readonly NamedExpression[]
  readonly variables: readonly NamedExpression[]
}

export interface FrameWithMore {
  readonly frame: CompiledFrame
  /** Of all that has been taken. */
  readonly errors: FieldError[]
  /** For what may speak of every variable. */
  readonly environment: () => CelEnvironment
  /** Undefined for one with errors. */
  readonly take: (path: string, text: string | undefined, wanted: Wanted) => Expression | undefined
}

/** Types that mean the same in every environment. */
const PLAIN: ReadonlySet<string> = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes'])

/** With `hasLiterals` variables, and what comes after them, may make objects. */
export function compileFrame(spec: ValidatingAdmissionPolicySpec | MutatingAdmissionPolicySpec, hasLiterals = false): FrameWithMore {
  const { paramKind, matchConditions = [], variables = [] } = spec
  const errors: FieldError[] = []
  const known: Record<string, CelType> = {}
  const environmentOf = (fields: Readonly<Record<string, CelType>>) =>
    once(() => policyEnvironment(fields, { hasParams: paramKind !== undefined, hasLiterals }))
  const take = (path: string, text: string | undefined, wanted: Wanted): Expression | undefined => {
    const outcome = compiled(path, text, wanted)
    if (!Array.isArray(outcome)) return outcome
    errors.push(...outcome)
    return undefined
  }
  const before = environmentOf({})
  const conditions = matchConditions.flatMap(({ name = '', expression: text }, i) => {
    const expression = take(`spec.matchConditions[${i}].expression`, text, { environment: before, types: ['bool'] })
    return expression ? [{ name, expression }] : []
  })
  const composed = variables.flatMap(({ name = '', expression: text }, i) => {
    const environment = environmentOf({ ...known })
    const missing = 'expression is not specified'
    const expression = take(`spec.variables[${i}].expression`, text, { environment, types: [], missing, ofAnyType: true })
    if (!expression) return []
    if (isIdentifier(name)) known[name] = PLAIN.has(expression.type) ? expression.type : 'dyn'
    return [{ name, expression }]
  })
  return { frame: { conditions, variables: composed }, errors, environment: environmentOf(known), take }
}
