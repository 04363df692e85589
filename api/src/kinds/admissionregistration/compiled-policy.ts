/** A ValidatingAdmissionPolicy as it is run: every expression checked and compiled, in the order in which they may speak of each other. */
import type { CelType, Expression } from '../../cel/index.ts'
import { once } from '../../once.ts'
import type { FieldError } from '../../status.ts'
import { compiled, isIdentifier, policyEnvironment, type Wanted } from './expressions.ts'
import type { ValidatingAdmissionPolicySpec, Validation } from './types.ts'

export interface CompiledPolicy {
  readonly conditions: readonly { readonly name: string; readonly expression: Expression }[]
  readonly variables: readonly { readonly name: string; readonly expression: Expression }[]
  readonly validations: readonly { readonly of: Validation; readonly expression: Expression; readonly message?: Expression }[]
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[]
}

/** Longer ones are refused, and not compiled. */
export const ANNOTATION_BYTES_MAX = 5 * 1024

/** Types that mean the same in every environment. */
const PLAIN: ReadonlySet<string> = new Set(['bool', 'int', 'uint', 'double', 'string', 'bytes'])

/** With what is wrong with its expressions; those are left out. */
export function compilePolicy(spec: ValidatingAdmissionPolicySpec): { policy: CompiledPolicy; errors: FieldError[] } {
  const { paramKind, matchConditions = [], variables = [], validations = [], auditAnnotations = [] } = spec
  const errors: FieldError[] = []
  const known: Record<string, CelType> = {}
  const environmentOf = (fields: Readonly<Record<string, CelType>>) =>
    once(() => policyEnvironment(fields, { hasParams: paramKind !== undefined }))
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
  const environment = environmentOf(known)
  const checks = validations.flatMap((of, i) => {
    const path = `spec.validations[${i}]`
    const bool = { environment, types: ['bool'], missing: 'expression is not specified' }
    const expression = take(`${path}.expression`, of.expression, bool)
    const text = of.messageExpression?.trim() && of.messageExpression
    const message = text ? take(`${path}.messageExpression`, text, { environment, types: ['string'] }) : undefined
    return expression ? [{ of, expression, ...(message && { message }) }] : []
  })
  const annotations = auditAnnotations.flatMap(({ key = '', valueExpression = '' }, i) => {
    if (Buffer.byteLength(valueExpression.trim()) > ANNOTATION_BYTES_MAX) return []
    const missing = 'valueExpression is not specified'
    const wanted = { environment, types: ['string', 'null_type'], missing }
    const expression = take(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, wanted)
    return expression ? [{ key, expression }] : []
  })
  return { policy: { conditions, variables: composed, validations: checks, annotations }, errors }
}
