import { ApiError, apiError, type Reason, type Status } from '../status.ts'

/** For answers that come from something other than the API, such as a proxy in between. */
const REASONS: Readonly<Record<number, Reason>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Gone',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
}

/** The error a failed answer stands for: the Status in its body, or one made from its code. */
export function responseError(code: number, body: Buffer): ApiError {
  const status = parseStatus(body)
  if (status) return new ApiError(status)
  const reason = REASONS[code]
  const text = body.toString('utf8', 0, 1024).trim()
  return new ApiError({
    apiVersion: 'v1',
    kind: 'Status',
    metadata: {},
    status: 'Failure',
    message: `the server answered with ${code}${text && `: ${text}`}`,
    ...(reason && { reason }),
    code,
  })
}

/** Nobody answered; whether the request was acted on is unknown. */
export function unreachable(what: string, cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause
  return apiError('ServiceUnavailable', `${what} got no answer: ${describe(cause)}`, undefined, { cause })
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Node gives one error for several addresses, with an empty message.
  const own = error.message || ('code' in error ? String(error.code) : error.name)
  return error.cause instanceof Error ? `${own}: ${describe(error.cause)}` : own
}

function parseStatus(body: Buffer): Status | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status' && 'code' in value) return value as Status
  } catch {
    // Not JSON, so not ours.
  }
  return undefined
}
