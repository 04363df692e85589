import { invalidValue, requiredValue } from '../../field-errors.ts'
import type { FieldError } from '../../status.ts'
import { compileMutatingPolicy } from './compiled-mutating-policy.ts'
import { validateBound, validateFrame } from './frame-rules.ts'
import { oneOfThese } from './rule-rules.ts'
import type { MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, Mutation } from './types.ts'
import { REINVOCATIONS } from './webhooks.ts'

const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch'] as const

export function validateMutatingPolicy({ spec = {} }: MutatingAdmissionPolicy): FieldError[] {
  const { mutations = [], reinvocationPolicy } = spec
  const errors = validateFrame(spec)
  if (mutations.length === 0) errors.push(requiredValue('spec.mutations', 'mutations must contain at least one item'))
  for (const [i, mutation] of mutations.entries()) errors.push(...validateMutation(mutation, `spec.mutations[${i}]`))
  const path = 'spec.reinvocationPolicy'
  errors.push(...(reinvocationPolicy ? oneOfThese(path, reinvocationPolicy, REINVOCATIONS) : [requiredValue(path)]))
  return [...errors, ...compileMutatingPolicy(spec).errors]
}

/** It has what its type says, and nothing else. */
function validateMutation({ patchType, applyConfiguration, jsonPatch }: Mutation, path: string): FieldError[] {
  if (!patchType) return [requiredValue(`${path}.patchType`)]
  const parts = [
    { type: 'ApplyConfiguration', field: 'applyConfiguration', value: applyConfiguration },
    { type: 'JSONPatch', field: 'jsonPatch', value: jsonPatch },
  ]
  const own = parts.find(({ type }) => type === patchType)
  if (!own) return oneOfThese(`${path}.patchType`, patchType, PATCH_TYPES)
  const errors = own.value ? [] : [requiredValue(`${path}.${own.field}`, `must be specified when patchType is ${patchType}`)]
  for (const { field, value } of parts) {
    if (value && field !== own.field) {
      errors.push(invalidValue(`${path}.${field}`, value, `must not be specified when patchType is ${patchType}`))
    }
  }
  return errors
}

export function validateMutatingBinding({ spec = {} }: MutatingAdmissionPolicyBinding): FieldError[] {
  return validateBound(spec)
}
