/** A ValidatingAdmissionPolicy as it is run: every expression checked and compiled. */
import type { Expression } from '../../cel/index.ts'
import type { FieldError } from '../../status.ts'
import { type CompiledFrame, compileFrame } from './compiled-frame.ts'
import type { ValidatingAdmissionPolicySpec, Validation } from './types.ts'

export interface CompiledPolicy extends CompiledFrame {
  readonly validations: readonly { readonly of: Validation; readonly expression: Expression; readonly message?: Expression }[]
  readonly annotations: readonly { readonly key: string; readonly expression: Expression }[]
}

/** Longer ones are refused, and not compiled. */
export const ANNOTATION_BYTES_MAX = 5 * 1024

/** With what is wrong with its expressions; those are left out. */
export function compilePolicy(spec: ValidatingAdmissionPolicySpec): { policy: CompiledPolicy; errors: FieldError[] } {
  const { validations = [], auditAnnotations = [] } = spec
  const { frame, errors, environment, take } = compileFrame(spec)
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
  return { policy: { ...frame, validations: checks, annotations }, errors }
}
