/** What a failed call to etcd means: whether to try again, and what a client of ours is told. */
import { type ApiError, apiError, unavailable } from '@davit/api'
import {
  GRPCAbortedError,
  GRPCCancelledError,
  GRPCDeadlineExceededError,
  GRPCInternalError,
  GRPCOutOfRangeError,
  GRPCUnavailableError,
  GRPCUnknownError,
} from 'etcd3'

const TRANSIENT = [
  GRPCUnavailableError,
  GRPCDeadlineExceededError,
  GRPCCancelledError,
  GRPCInternalError,
  GRPCUnknownError,
  GRPCAbortedError,
] as const

/** The call got no verdict: etcd, or the way to it, failed. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.some(type => error instanceof type)
}

/** No request can have left this machine, so nothing can have been written. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof GRPCUnavailableError && /No connection established|Name resolution failed/.test(error.message)
}

/** The revision asked for is gone. */
export function isCompacted(error: unknown): boolean {
  return error instanceof GRPCOutOfRangeError && error.message.includes('compacted')
}

/** The revision asked for is yet to come. */
export function isFuture(error: unknown): boolean {
  return error instanceof GRPCOutOfRangeError && error.message.includes('future')
}

/** 503 while etcd does not answer; 413 for what it refuses by size; otherwise 500 with etcd's words. */
export function toApiError(error: unknown, attempted: string): ApiError {
  const why = error instanceof Error ? error.message : String(error)
  const options: ErrorOptions = { cause: error }
  if (isTransient(error)) {
    return apiError('ServiceUnavailable', `Cannot ${attempted}: etcd does not answer: ${why}`, { retryAfterSeconds: 1 }, options)
  }
  if (/request is too large|larger than max/.test(why)) {
    return apiError('RequestEntityTooLarge', `Cannot ${attempted}: it is too large for etcd`, undefined, options)
  }
  if (why.includes('database space exceeded')) return unavailable(`Cannot ${attempted}: etcd is over its space quota`, 10)
  return apiError('InternalError', `Cannot ${attempted}: ${why}`, undefined, options)
}
