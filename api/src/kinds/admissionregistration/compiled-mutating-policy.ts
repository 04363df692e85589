/** A MutatingAdmissionPolicy as it is run: every expression checked and compiled. */
import type { Expression } from '../../cel/index.ts'
import type { FieldError } from '../../status.ts'
import { type CompiledFrame, compileFrame } from './compiled-frame.ts'
import type { MutatingAdmissionPolicySpec } from './types.ts'

export interface CompiledMutation {
  readonly patchType: 'ApplyConfiguration' | 'JSONPatch'
  readonly expression: Expression
}

export interface CompiledMutatingPolicy extends CompiledFrame {
  readonly mutations: readonly CompiledMutation[]
}

/** What the expressions of each type give. */
const GIVES = {
  ApplyConfiguration: { types: ['Object'] },
  // A list that is empty, or of what shows its type only when it runs.
  JSONPatch: { types: ['list(JSONPatch)'], spelled: ['list<JSONPatch>', 'list<T>', 'list'] },
} as const

/** With what is wrong with its expressions; those are left out. */
export function compileMutatingPolicy(spec: MutatingAdmissionPolicySpec): { policy: CompiledMutatingPolicy; errors: FieldError[] } {
  const { frame, errors, environment, take } = compileFrame(spec, true)
  const missing = 'expression is not specified'
  const mutations = (spec.mutations ?? []).flatMap(({ patchType, applyConfiguration, jsonPatch }, i): CompiledMutation[] => {
    const field = patchType === 'JSONPatch' ? 'jsonPatch' : 'applyConfiguration'
    const part = patchType === 'JSONPatch' ? jsonPatch : applyConfiguration
    if ((patchType !== 'JSONPatch' && patchType !== 'ApplyConfiguration') || !part) return []
    const wanted = { environment, ...GIVES[patchType], missing }
    const expression = take(`spec.mutations[${i}].${field}.expression`, part.expression, wanted)
    return expression ? [{ patchType, expression }] : []
  })
  return { policy: { ...frame, mutations }, errors }
}
