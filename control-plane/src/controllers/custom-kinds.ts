/** Kinds that users define, as controllers see them: one served version of each. */
import { type CustomResourceDefinition, customKindsOf, customResourceDefinitionKind, isEstablished, type Kind } from '@davit/api'
import type { ControllerContext } from './context.ts'

/** The kinds as the cluster's definitions have them now; `context`'s informer of definitions has synced. */
export function customKinds(context: ControllerContext): Kind[] {
  return [...context.informer(customResourceDefinitionKind).cache.list()].flatMap(definition => customKindOf(definition) ?? [])
}

/** The version that is stored, if it is served, as it needs no conversion; undefined while none is. */
export function customKindOf(definition: CustomResourceDefinition): Kind | undefined {
  if (!isEstablished(definition)) return undefined
  const kinds = customKindsOf(definition)
  const storage = definition.spec.versions.find(({ storage }) => storage)?.name
  return kinds.find(({ version }) => version === storage) ?? kinds[0]
}
