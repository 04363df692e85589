/** What one expression of a MutatingAdmissionPolicy makes of an object. */
import {
  apiVersionOf,
  applyJsonPatch,
  atomicPaths,
  type CompiledMutatingPolicy,
  type CompiledMutation,
  configErrors,
  describeSchema,
  isFailedTest,
  type JsonPatchOperation,
  joinedErrors,
  type Kind,
  mergeConfig,
} from '@davit/api'
import { jsonOf, literalType } from '@davit/api/cel'
import type { Facts } from '../webhooks/index.ts'
import { runner } from './evaluate.ts'

/** `shown` is the object as the policy sees it, of `kind` where that is known. Throws Error, in Kubernetes' words. */
export async function mutated(
  policy: CompiledMutatingPolicy,
  { patchType, expression }: CompiledMutation,
  { facts, shown, kind }: { facts: Facts; shown: object; kind: Kind | undefined },
): Promise<unknown> {
  const value = await runner(policy, facts)(expression)
  return patchType === 'JSONPatch' ? patched(value, shown) : applied(value, shown, kind)
}

function patched(value: unknown, shown: object): unknown {
  if (!Array.isArray(value)) throw new Error('type mismatch: JSONPatchType.expression should evaluate to array')
  if (value.some(item => literalType(item) !== 'JSONPatch')) {
    throw new Error('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch')
  }
  try {
    return applyJsonPatch(shown, jsonOf(value) as JsonPatchOperation[])
  } catch (error) {
    // Whoever tests wants no change where the test fails.
    if (isFailedTest(error)) return shown
    throw new Error(`JSONPath: ${(error as Error).message}`, { cause: error })
  }
}

function applied(value: unknown, shown: object, kind: Kind | undefined): unknown {
  if (literalType(value) === undefined) throw new Error('type mismatch: ApplyConfiguration.expression should evaluate to Object')
  const config = jsonOf(value, 'Object') as object
  const node = kind && describeSchema(kind)
  const errors = configErrors(node, config)
  if (errors.length > 0) throw new Error(`failed to convert patch object to typed object: ${joinedErrors(errors)}`)
  const atomic = atomicPaths(node, config)
  if (atomic.length > 0) {
    throw new Error(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(', ')}`)
  }
  const whole = kind ? { ...config, apiVersion: apiVersionOf(kind), kind: kind.kind } : config
  return mergeConfig(node, structuredClone(shown), whole)
}
