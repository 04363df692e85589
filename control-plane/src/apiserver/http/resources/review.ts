/** Kinds that are questions: a POST is answered with the object and its status filled in; nothing is stored. */
import type { Kind } from '@davit/api'
import { sendJson, shapeOf } from '../respond.ts'
import { type Handlers, namespaceOf, type ResourceCall } from './call.ts'
import { readWrite, withWarnings } from './write.ts'

export function isReview({ verbs }: Kind): boolean {
  return !verbs.includes('get')
}

export async function answerReview({ reviews }: Handlers, call: ResourceCall): Promise<void> {
  const shape = shapeOf(call.request, call.query, { views: false })
  const { context, body } = await readWrite('CreateOptions', call)
  const answer = await withWarnings(call, context, () => reviews.answer(context, call.kind, namespaceOf(call), body))
  await sendJson(call.reply, 201, answer, shape)
}
