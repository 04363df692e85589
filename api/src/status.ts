/** The `Status` object Kubernetes answers every failed request with. */
export interface Status {
  apiVersion: 'v1'
  kind: 'Status'
  /** Of an expired list: the token that goes on with what there is now. */
  metadata: { continue?: string }
  status: 'Success' | 'Failure'
  message?: string
  reason?: string
  details?: StatusDetails
  code: number
}

export interface StatusDetails {
  name?: string
  group?: string
  kind?: string
  uid?: string
  causes?: StatusCause[]
  retryAfterSeconds?: number
}

export interface StatusCause {
  reason?: string
  message?: string
  field?: string
}

const CODES = {
  BadRequest: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  MethodNotAllowed: 405,
  NotAcceptable: 406,
  AlreadyExists: 409,
  Conflict: 409,
  Expired: 410,
  Gone: 410,
  RequestEntityTooLarge: 413,
  UnsupportedMediaType: 415,
  Invalid: 422,
  TooManyRequests: 429,
  InternalError: 500,
  ServiceUnavailable: 503,
  Timeout: 504,
  ServerTimeout: 500,
} as const

export type Reason = keyof typeof CODES

/** A request that failed in a way the caller can act on; `status` is what goes on the wire. */
export class ApiError extends Error {
  readonly status: Status

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'Unknown error', options)
    this.name = 'ApiError'
    this.status = status
  }

  get reason(): string {
    return this.status.reason ?? ''
  }

  get code(): number {
    return this.status.code
  }
}

/** Makes an `ApiError` whose HTTP code follows from its reason. */
export function apiError(reason: Reason, message: string, details?: StatusDetails, options?: ErrorOptions): ApiError {
  const status: Status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code: CODES[reason] }
  if (details) status.details = details
  return new ApiError(status, options)
}

/** Names a resource in messages: `pods`, `deployments.apps`. */
export interface ResourceName {
  readonly group: string
  readonly plural: string
}

/** `deployments.apps`, or `pods` for the core group. */
export function qualifiedResource({ group, plural }: ResourceName): string {
  return group ? `${plural}.${group}` : plural
}

function detailsOf(resource: ResourceName, name: string): StatusDetails {
  const details: StatusDetails = { name, kind: resource.plural }
  if (resource.group) details.group = resource.group
  return details
}

export function notFound(resource: ResourceName, name: string): ApiError {
  return apiError('NotFound', `${qualifiedResource(resource)} "${name}" not found`, detailsOf(resource, name))
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return apiError('AlreadyExists', `${qualifiedResource(resource)} "${name}" already exists`, detailsOf(resource, name))
}

export function conflict(
  resource: ResourceName,
  name: string,
  why = 'the object has been modified; please apply your changes to the latest version and try again',
): ApiError {
  return apiError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedResource(resource)} "${name}": ${why}`,
    detailsOf(resource, name),
  )
}

export function badRequest(message: string): ApiError {
  return apiError('BadRequest', message)
}

/** Message in the form Kubernetes gives: `pods "x" is forbidden: why`. */
export function forbidden(resource: ResourceName, name: string, why: string): ApiError {
  const subject = name ? `${qualifiedResource(resource)} "${name}"` : qualifiedResource(resource)
  return apiError('Forbidden', `${subject} is forbidden: ${why}`, detailsOf(resource, name))
}

export function expired(message = 'The resourceVersion for the provided watch is too old.'): ApiError {
  return apiError('Expired', message)
}

/** The cluster cannot answer now; the client should try again after `retryAfterSeconds`. */
export function unavailable(message: string, retryAfterSeconds = 1): ApiError {
  return apiError('ServiceUnavailable', message, { retryAfterSeconds })
}

/** Not now, but perhaps later: after `retryAfterSeconds`, where that is known. */
export function tooManyRequests(
  message: string,
  { retryAfterSeconds, causes }: { retryAfterSeconds?: number; causes?: StatusCause[] } = {},
): ApiError {
  return apiError('TooManyRequests', message, { ...(causes && { causes }), ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) })
}

export function timedOut(message: string, causes?: StatusCause[]): ApiError {
  return apiError('Timeout', message, { ...(causes && { causes }), retryAfterSeconds: 1 })
}

/** One thing wrong with one field, as field.Error of Kubernetes' apimachinery has it. */
export interface FieldError {
  type: 'Required' | 'Invalid' | 'NotSupported' | 'Duplicate' | 'Forbidden' | 'TooLong' | 'TooMany' | 'NotFound' | 'TypeInvalid'
  /** Path such as `spec.containers[0].image`. */
  field: string
  value?: unknown
  /** For Invalid: the value is not shown. */
  omitsValue?: boolean
  detail?: string
  /** For NotSupported: what is. */
  supported?: readonly string[]
}

const CAUSES: Record<FieldError['type'], string> = {
  Required: 'FieldValueRequired',
  Invalid: 'FieldValueInvalid',
  NotSupported: 'FieldValueNotSupported',
  Duplicate: 'FieldValueDuplicate',
  Forbidden: 'FieldValueForbidden',
  TooLong: 'FieldValueTooLong',
  TooMany: 'FieldValueTooMany',
  NotFound: 'FieldValueNotFound',
  TypeInvalid: 'FieldValueTypeInvalid',
}

const LABELS: Record<FieldError['type'], string> = {
  Required: 'Required value',
  Invalid: 'Invalid value',
  NotSupported: 'Unsupported value',
  Duplicate: 'Duplicate value',
  Forbidden: 'Forbidden',
  TooLong: 'Too long',
  TooMany: 'Too many',
  NotFound: 'Not found',
  TypeInvalid: 'Invalid value',
}

/** `Invalid value: "x": why`: what Kubernetes puts into a cause, without the field. */
export function fieldErrorBody(error: FieldError): string {
  const parts: string[] = [LABELS[error.type]]
  const showsValue = error.type !== 'Required' && error.type !== 'Forbidden' && error.type !== 'TooLong' && !error.omitsValue
  // Upstream writes an absent value as this text.
  const value = error.value === undefined && error.type === 'Invalid' ? 'null' : error.value
  if (showsValue && value !== undefined) parts.push(JSON.stringify(value))
  if (error.type === 'NotSupported') parts.push(`supported values: ${(error.supported ?? []).map(v => JSON.stringify(v)).join(', ')}`)
  else if (error.detail) parts.push(error.detail)
  return parts.join(': ')
}

/** 422 in Kubernetes' words: `Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be …`. */
export function invalid(kind: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): ApiError {
  const qualified = kind.group ? `${kind.kind}.${kind.group}` : kind.kind
  const texts = errors.map(error => `${error.field}: ${fieldErrorBody(error)}`)
  const text = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`
  return apiError('Invalid', `${qualified} "${name}" is invalid: ${text}`, {
    name,
    ...(kind.group && { group: kind.group }),
    kind: kind.kind,
    causes: errors.map(error => ({ reason: CAUSES[error.type], message: fieldErrorBody(error), field: error.field })),
  })
}

/** True when `error` is an `ApiError` with that reason. */
export function isReason(error: unknown, reason: Reason): error is ApiError {
  return error instanceof ApiError && error.reason === reason
}
