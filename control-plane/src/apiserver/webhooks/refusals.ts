/** What a client sees of a webhook that refuses or cannot be asked, in Kubernetes' words. */
import { ApiError, apiError, type Status } from '@davit/api'

/** A webhook's word is final: nothing is asked twice because somebody might have seen an older object. */
const FINAL = new WeakSet<Error>()

export function isByWebhook(error: unknown): boolean {
  return error instanceof Error && FINAL.has(error)
}

function final(error: ApiError): ApiError {
  FINAL.add(error)
  return error
}

/** A webhook could not be asked, or has not answered. */
export class CallFailed extends Error {
  constructor(webhook: string, why: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`)
  }
}

/** What a failed call is to the client when the webhook's failure policy is Fail. */
export function internalError(error: Error): ApiError {
  return final(apiError('InternalError', `Internal error occurred: ${error.message}`))
}

/** What cannot be judged is refused. */
export function refusedUnjudged(error: ApiError): ApiError {
  return final(error)
}

/** The webhook's own Status, as one of a refusal. */
export function denial(webhook: string, result: Partial<Status> | undefined): ApiError {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`
  const { message, reason, details } = result ?? {}
  const code = Number.isInteger(result?.code) ? Number(result?.code) : 0
  const why = message || reason
  return final(
    new ApiError({
      apiVersion: 'v1',
      kind: 'Status',
      metadata: {},
      status: 'Failure',
      message: why ? `${by}: ${why}` : `${by} without explanation`,
      ...(reason && { reason }),
      ...(typeof details === 'object' && details !== null && { details }),
      code: code >= 400 && code < 600 ? code : 400,
    }),
  )
}
