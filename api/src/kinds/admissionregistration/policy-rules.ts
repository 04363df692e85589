import { duplicateValue, invalidIf, invalidValue, requiredValue, unsupportedValue } from '../../field-errors.ts'
import { isQualifiedName } from '../../names.ts'
import type { FieldError } from '../../status.ts'
import { ANNOTATION_BYTES_MAX, compilePolicy } from './compiled-policy.ts'
import { validateBound, validateFrame } from './frame-rules.ts'
import { oneOfThese } from './rule-rules.ts'
import type { ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingAdmissionPolicySpec, Validation } from './types.ts'

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'] as const
const ACTIONS = ['Audit', 'Deny', 'Warn'] as const
const ANNOTATIONS_MAX = 20

export function validatePolicy({ metadata: { name = '' }, spec = {} }: ValidatingAdmissionPolicy): FieldError[] {
  return [...validateFrame(spec), ...validateChecks(spec, name), ...compilePolicy(spec).errors]
}

/** What is judged, and what is noted for the audit; at least one. */
function validateChecks(
  { validations = [], auditAnnotations: annotations = [] }: ValidatingAdmissionPolicySpec,
  policy: string,
): FieldError[] {
  if (validations.length === 0 && annotations.length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item'
    return [requiredValue('spec.validations', why), requiredValue('spec.auditAnnotations', why)]
  }
  const errors = validations.flatMap((validation, i) => validateValidation(validation, `spec.validations[${i}]`))
  const path = 'spec.auditAnnotations'
  if (annotations.length > ANNOTATIONS_MAX) {
    errors.push(invalidValue(path, annotations, `must not have more than ${ANNOTATIONS_MAX} auditAnnotations`))
  }
  const keys = annotations.map(({ key = '' }) => key)
  for (const [i, { key = '', valueExpression = '' }] of annotations.entries()) {
    errors.push(...invalidIf(`${path}[${i}].key`, `${policy}/${key}`, isQualifiedName(`${policy}/${key}`)))
    if (Buffer.byteLength(valueExpression.trim()) > ANNOTATION_BYTES_MAX) {
      errors.push(requiredValue(`${path}[${i}].valueExpression`, `must not exceed ${ANNOTATION_BYTES_MAX} bytes in length`))
    }
    if (keys.indexOf(key) < i) errors.push(duplicateValue(`${path}[${i}].key`, key))
  }
  return errors
}

function validateValidation({ message = '', messageExpression = '', reason }: Validation, path: string): FieldError[] {
  const errors: FieldError[] = []
  if (messageExpression && !messageExpression.trim()) {
    errors.push(invalidValue(`${path}.messageExpression`, messageExpression, 'must be non-empty if specified'))
  }
  if (message && !message.trim()) errors.push(invalidValue(`${path}.message`, message, 'message must be non-empty if specified'))
  else if (/[\n\r]/.test(message.trim())) errors.push(invalidValue(`${path}.message`, message, 'message must not contain line breaks'))
  return [...errors, ...oneOfThese(`${path}.reason`, reason, REASONS)]
}

export function validatePolicyStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  return (status?.typeChecking?.expressionWarnings ?? []).flatMap(({ fieldRef, warning }, i) => {
    const path = `status.typeChecking.expressionWarnings[${i}]`
    return [...(warning ? [] : [requiredValue(`${path}.warning`)]), ...(fieldRef?.trim() ? [] : [requiredValue(`${path}.fieldRef`)])]
  })
}

export function validateBinding({ spec = {} }: ValidatingAdmissionPolicyBinding): FieldError[] {
  return [...validateBound(spec), ...validateActions(spec.validationActions ?? [], 'spec.validationActions')]
}

function validateActions(actions: readonly string[], path: string): FieldError[] {
  const errors = actions.flatMap((action, i) => [
    ...((ACTIONS as readonly string[]).includes(action) ? [] : [unsupportedValue(`${path}[${i}]`, action, ACTIONS)]),
    ...(actions.indexOf(action) < i ? [duplicateValue(`${path}[${i}]`, action)] : []),
  ])
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)'
    errors.push(invalidValue(path, actions, why))
  }
  return actions.length > 0 ? errors : [...errors, requiredValue(path, 'at least one validation action is required')]
}
