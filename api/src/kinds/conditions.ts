/** Rules of conditions of the common form, in Kubernetes' words. */
import { duplicateValue, invalidIf, invalidValue, requiredValue, tooLong, unsupportedValue } from '../field-errors.ts'
import type { Condition } from '../meta.ts'
import { isConditionReason, isQualifiedName } from '../names.ts'
import { CONDITION_STATUSES } from '../schema/conditions.ts'
import type { FieldError } from '../status.ts'

const REASON_BYTES_MAX = 1024
const MESSAGE_BYTES_MAX = 32 * 1024

export function validateConditions(conditions: readonly (Condition & { observedGeneration?: number })[], path: string): FieldError[] {
  const seen = new Set<string>()
  return conditions.flatMap((condition, i) => {
    const at = `${path}[${i}]`
    const { type = '', status, observedGeneration = 0, lastTransitionTime, reason = '', message = '' } = condition
    const errors: FieldError[] = seen.has(type) ? [duplicateValue(`${at}.type`, type)] : []
    seen.add(type)
    errors.push(...invalidIf(`${at}.type`, type, isQualifiedName(type)))
    if (!CONDITION_STATUSES.includes(status)) errors.push(unsupportedValue(`${at}.status`, status ?? '', CONDITION_STATUSES))
    if (observedGeneration < 0) {
      errors.push(invalidValue(`${at}.observedGeneration`, observedGeneration, 'must be greater than or equal to zero'))
    }
    if (!lastTransitionTime) errors.push(requiredValue(`${at}.lastTransitionTime`, 'must be set'))
    if (!reason) errors.push(requiredValue(`${at}.reason`, 'must be set'))
    else {
      errors.push(...invalidIf(`${at}.reason`, reason, isConditionReason(reason)))
      if (Buffer.byteLength(reason) > REASON_BYTES_MAX) errors.push(tooLong(`${at}.reason`, REASON_BYTES_MAX))
    }
    if (Buffer.byteLength(message) > MESSAGE_BYTES_MAX) errors.push(tooLong(`${at}.message`, MESSAGE_BYTES_MAX))
    return errors
  })
}
