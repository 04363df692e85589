import { badRequest, type FieldError, invalid } from '@davit/api'
import { z } from 'zod'
import type { DeletionRequest } from '../../registry/index.ts'
import { parseBody } from '../body/parse-body.ts'
import { integerParameter } from './query.ts'

const POLICIES = ['Orphan', 'Background', 'Foreground'] as const

/** What comes on the wire; values are judged afterwards, with Kubernetes' words. */
const deleteOptionsSchema = z.object({
  gracePeriodSeconds: z.int().nullish(),
  propagationPolicy: z.string().nullish(),
  orphanDependents: z.boolean().nullish(),
  preconditions: z.object({ uid: z.string().nullish(), resourceVersion: z.string().nullish() }).nullish(),
  dryRun: z.array(z.string()).nullish(),
})
type DeleteOptionsBody = z.infer<typeof deleteOptionsSchema>

export interface ParsedDeletion {
  readonly request: DeletionRequest
  readonly dryRun: boolean
}

/** DeleteOptions of the body or, when there is none, of the query. Throws BadRequest, Invalid or UnsupportedMediaType. */
export function parseDeletion(body: Buffer, contentType: string | undefined, query: URLSearchParams): ParsedDeletion {
  const options = body.length > 0 ? fromBody(body, contentType) : fromQuery(query)
  const errors: FieldError[] = []
  const dryRun = options.dryRun ?? query.getAll('dryRun')
  for (const value of dryRun) {
    if (value !== 'All') errors.push({ type: 'NotSupported', field: 'dryRun', value, supported: ['All'] })
  }
  const policy = options.propagationPolicy || undefined
  if (policy !== undefined && !(POLICIES as readonly string[]).includes(policy)) {
    errors.push({
      type: 'NotSupported',
      field: 'propagationPolicy',
      value: policy,
      supported: ['Foreground', 'Background', 'Orphan', 'nil'],
    })
  }
  if (policy !== undefined && typeof options.orphanDependents === 'boolean') {
    errors.push({
      type: 'Invalid',
      field: 'propagationPolicy',
      value: policy,
      detail: 'orphanDependents and deletionPropagation cannot be both set',
    })
  }
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
  return { request: requestOf(options), dryRun: dryRun.length > 0 }
}

function requestOf(options: DeleteOptionsBody): DeletionRequest {
  const request: DeletionRequest = {}
  // A negative grace means one second, as in Kubernetes since 1.24.
  if (typeof options.gracePeriodSeconds === 'number')
    request.gracePeriodSeconds = options.gracePeriodSeconds < 0 ? 1 : options.gracePeriodSeconds
  const policy = options.propagationPolicy || undefined
  if (policy) request.propagationPolicy = policy as NonNullable<DeletionRequest['propagationPolicy']>
  else if (typeof options.orphanDependents === 'boolean') request.propagationPolicy = options.orphanDependents ? 'Orphan' : 'Background'
  const { uid, resourceVersion } = options.preconditions ?? {}
  if (uid || resourceVersion) request.preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
  return request
}

function fromBody(body: Buffer, contentType: string | undefined): DeleteOptionsBody {
  const value = parseBody(body, contentType, 'DeleteOptions')
  const kind = (value as { kind?: unknown } | null)?.kind
  if (kind !== undefined && kind !== '' && kind !== 'DeleteOptions') throw badRequest('decoded object cannot be converted to DeleteOptions')
  const result = deleteOptionsSchema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw badRequest(`Cannot read DeleteOptions: ${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`)
}

function fromQuery(query: URLSearchParams): DeleteOptionsBody {
  const orphan = query.get('orphanDependents')
  return {
    gracePeriodSeconds: integerParameter(query, 'gracePeriodSeconds'),
    propagationPolicy: query.get('propagationPolicy'),
    ...(orphan !== null && { orphanDependents: orphan !== 'false' && orphan !== '0' }),
  }
}
