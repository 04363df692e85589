import type { z } from 'zod'
import { int64, list, object, oneOf, required, string, time } from './fields.ts'

/** In the order in which a refusal lists them. */
export const CONDITION_STATUSES = ['False', 'True', 'Unknown'] as const

/** A list of conditions merged by type; `extra` are fields that only this kind's conditions have. */
export function conditionListSchema(component: string, description: string, extra: z.ZodRawShape = {}) {
  const condition = object(component, 'One aspect of how the object is.', {
    type: required(string('The aspect.')),
    status: required(oneOf(CONDITION_STATUSES, 'Whether it holds.')),
    lastTransitionTime: time('When the status last changed.'),
    reason: string('Why, in one CamelCase word for programs.'),
    message: string('Why, in words for people.'),
    ...extra,
  })
  return list(condition, description, { mergeKey: 'type' })
}

/** A list of `Condition` of the common form, which knows the generation it speaks of. */
export function commonConditionListSchema(description: string) {
  return conditionListSchema('Condition', description, { observedGeneration: int64('Generation of the object the condition speaks of.') })
}
