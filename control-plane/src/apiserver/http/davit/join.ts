import { badRequest, type JoinRequest } from '@davit/api'
import { z } from 'zod'

const schema = z.object({ nodeName: z.string().min(1).max(253), certificateRequest: z.string().min(1).max(16_384) })

/** Throws BadRequest. */
export function joinRequestOf(body: unknown): JoinRequest {
  const result = schema.safeParse(body)
  if (!result.success) throw badRequest(`Cannot read the join request: ${z.prettifyError(result.error).replaceAll('\n', ' ')}`)
  return result.data
}
