import { badRequest, type DrainRequest } from '@davit/api'
import { z } from 'zod'

const schema = z.object({ namespace: z.string().min(1).max(63), name: z.string().min(1).max(253), uid: z.string().min(1).max(128) })

/** Throws BadRequest. */
export function drainRequestOf(body: unknown): DrainRequest {
  const result = schema.safeParse(body)
  if (!result.success) throw badRequest(`Cannot read the drain request: ${z.prettifyError(result.error).replaceAll('\n', ' ')}`)
  return result.data
}
