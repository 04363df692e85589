import { badRequest, parseDuration } from '@davit/api'

/** What a request may take, Kubernetes' default and maximum. */
export const REQUEST_MS_MAX = 60_000

/** What `timeout` in the query asks for, within the bound. Throws BadRequest. */
export function timeoutMsOf(query: URLSearchParams): number {
  const asked = query.get('timeout')
  if (!asked) return REQUEST_MS_MAX
  let ms: number
  try {
    ms = parseDuration(asked)
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`)
  }
  return ms > 0 ? Math.min(ms, REQUEST_MS_MAX) : REQUEST_MS_MAX
}
